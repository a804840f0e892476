"""Learn from the target's labelled pictures alone: the other end of the comparison.

Source: the "train on target" baseline of Ganin et al. 2016, JMLR 17, table 2.
"""

from __future__ import annotations

from tlcore.nn.strategy import Strategy


class TargetOnly(Strategy):
    """As if there were no source."""
