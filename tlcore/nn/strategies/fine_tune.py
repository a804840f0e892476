"""The topmost blocks learn together with the head, deep ones more slowly.

Source: Yosinski et al. 2014, arXiv:1411.1792; rates by depth: Howard and Ruder 2018, arXiv:1801.06146, section 3.2.
"""

from __future__ import annotations

from tlcore.nn.strategy import Group, Strategy, by_depth


class FineTune(Strategy):
    """The target's labelled pictures; each block at the rate of the one above times a factor."""

    def groups(self) -> list[Group]:
        return super().groups() if self.way.rate_factor == 1 else by_depth(self, self.way.rate_factor)
