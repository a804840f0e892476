"""The head first, on features that stay as they are; then fine-tuning from there.

Source: Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, arXiv:2202.10054.
"""

from __future__ import annotations

from tlcore.nn.strategy import Group, Strategy, by_depth


class LinearProbeThenFineTune(Strategy):
    """Until `head_epochs` the head alone at its own rate; afterwards all, with a fresh optimiser."""

    def groups(self) -> list[Group]:
        way, network = self.way, self.network
        alone, then = Group(network.head_variables, way.head_rate, 1, way.head_epochs), way.head_epochs + 1
        if way.rate_factor == 1:
            return [alone, Group(network.variables, self.recipe.optimizer.learning_rate, then)]
        return [alone, *by_depth(self, way.rate_factor, lambda depth: then)]
