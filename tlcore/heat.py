"""Where in a picture the answer comes from: how much each position of the last feature map adds to a class.

Source: of an averaged map under one dense layer the class activation map, Zhou et al. 2016, Learning Deep Features for
Discriminative Localization, arXiv:1512.04150; in general gradient times activation, Draelos and Carin 2020, Use HiResCAM
instead of Grad-CAM, arXiv:2011.08891, which of averaged maps is Grad-CAM, Selvaraju et al. 2017, arXiv:1610.02391.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

Pooling = Literal["avg", "max", "flatten"]


class Heat(NamedTuple):
    """How much each position speaks for a class, float32 (h, w), as `Head.heat`; `exact`: whether nothing is left out."""

    values: np.ndarray
    exact: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """What follows the last feature maps: how they become one vector, then dense layers with ReLU between them.

    Shapes: each kernel (before, after) and bias (after,), from the bottom. Where there are several maps their vectors
    lie side by side.
    """

    pooling: Pooling
    dense: tuple[tuple[np.ndarray, np.ndarray], ...]

    @property
    def is_linear(self) -> bool:
        """Whether logits are sums over positions: the heat is exact then, otherwise the share that a gradient tells."""
        return len(self.dense) == 1

    def logits(self, maps: Sequence[np.ndarray]) -> np.ndarray:
        """Of one picture. Shapes: each map (h, w, c) → (k,)."""
        return self._passed(maps)[-1]

    def heat(self, maps: Sequence[np.ndarray], chosen: int) -> np.ndarray:
        """What each position adds to the logit of one class, beyond what it adds to all classes on average.

        Softmax sees differences of logits only, so what is added to all alike decides nothing. Below 0 a position
        speaks against the class. Of a linear head the sum is the logit, less the mean of all, without the biases.
        Shapes: maps of one picture, each (h, w, c) → float32 (h, w).
        """
        passed = self._passed(maps)
        kernel = self.dense[-1][0]
        gradient = kernel[:, chosen] - kernel.mean(axis=1)
        for (kernel, _), hidden in zip(self.dense[-2::-1], passed[-2:0:-1], strict=True):
            gradient = kernel @ (gradient * (hidden > 0))
        parts = np.split(gradient, np.cumsum([self._width(each) for each in maps])[:-1])
        total: np.ndarray = np.sum([self._spread(each, part) for each, part in zip(maps, parts, strict=True)], axis=0)
        return total.astype(np.float32)

    def _passed(self, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The vector that the maps become, and what each dense layer makes of it."""
        passed = [np.concatenate([self._pooled(each) for each in maps])]
        for i, (kernel, bias) in enumerate(self.dense):
            x = passed[-1] @ kernel + bias
            passed.append(x if i == len(self.dense) - 1 else np.maximum(x, 0))
        return passed

    def _pooled(self, each: np.ndarray) -> np.ndarray:
        if self.pooling == "flatten":
            return each.reshape(-1)
        pooled: np.ndarray = each.mean(axis=(0, 1)) if self.pooling == "avg" else each.max(axis=(0, 1))
        return pooled

    def _width(self, each: np.ndarray) -> int:
        return each.size if self.pooling == "flatten" else each.shape[-1]

    def _spread(self, each: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """A vector's share in the answer by the positions that it comes from. Shapes: (h, w, c), → (h, w)."""
        if self.pooling == "flatten":
            share: np.ndarray = (each * gradient.reshape(each.shape)).sum(axis=-1)
        elif self.pooling == "avg":
            share = each @ gradient / (each.shape[0] * each.shape[1])
        else:  # Of each channel the positions that hold the maximum, several in equal parts.
            largest = each == each.max(axis=(0, 1))
            share = (each * largest / largest.sum(axis=(0, 1))) @ gradient
        return share
