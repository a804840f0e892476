"""The same architecture from random weights: what transfer has to beat.

Source: He, Girshick and Dollár 2019, Rethinking ImageNet Pre-training, arXiv:1811.08883.
"""

from __future__ import annotations

from tlcore.nn.strategy import Strategy


class Scratch(Strategy):
    """All blocks learn, and batch normalisation estimates its statistics: random ones know none."""
