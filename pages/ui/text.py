"""Texts and numbers as people read them; names from outside always shown literally."""

from __future__ import annotations

import re

from tlcore.amounts import ago, size

__all__ = ["WORD_JOINER", "ago", "count", "duration", "literal", "millions", "size"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^=])")
# What the browser finds in the text after the escapes are resolved: addresses, icons, ≈.
_FOUND_LATER = re.compile(r"(?<=:)(?=//|material/|streamlit:)|(?<=www)(?=\.)|(?<=@)(?=\w)|(?<=~)(?==)", re.IGNORECASE)
WORD_JOINER = "\u2060"  # Has no width and allows no line break.


def literal(text: str) -> str:
    """`text` so that Markdown shows it as it is: no links, colours, HTML, formulas or icons."""
    return _MARKDOWN.sub(r"\\\1", _FOUND_LATER.sub(WORD_JOINER, " ".join(text.split())))


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
