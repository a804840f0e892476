"""Blocks thaw one after another, from the top.

Source: gradual unfreezing, Howard and Ruder 2018, ULMFiT, arXiv:1801.06146, section 3.3.
"""

from __future__ import annotations

from tlcore.nn.strategy import Group, Strategy, by_depth


class Gradual(Strategy):
    """First the head, then one more block every `epochs_per_block` epochs; those that thawed go on learning."""

    def groups(self) -> list[Group]:
        return by_depth(self, self.way.rate_factor, lambda depth: 1 + depth * self.way.epochs_per_block)
