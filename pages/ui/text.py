"""Texts and numbers as people read them; names from outside always shown literally."""

from __future__ import annotations

from tlcore.amounts import ago, size
from tlcore.markdown import WORD_JOINER, literal

__all__ = ["WORD_JOINER", "ago", "count", "duration", "literal", "millions", "size"]


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 picture`, `1,797 pictures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def millions(number: int) -> str:
    """Parameters: `650`, `272 k`, `3.5 M`."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{number / 1e3:.0f} k"
    return f"{number / 1e6:.1f} M"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
