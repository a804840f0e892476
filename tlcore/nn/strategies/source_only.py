"""Learn from the source, be tested on the target: the lower end of the comparison.

Source: the baseline of Ganin et al. 2016, JMLR 17, table 2.
"""

from __future__ import annotations

from tlcore.nn.strategy import Part, Parts, Strategy


class SourceOnly(Strategy):
    """The source's pictures only, for learning and for choosing the epoch."""

    selects_on_source = True

    def _main(self, parts: Parts) -> Part:
        assert parts.source is not None
        return parts.source
