"""Texts and numbers as people read them; names from outside always shown literally."""

from __future__ import annotations

import re
import time

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


def size(bytes_: float) -> str:
    """Bytes with a unit and two or three digits."""
    value, unit = float(bytes_), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


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


def ago(at: float, now: float | None = None) -> str:
    """How long ago the moment `at` (unix seconds) was; never negative."""
    seconds = max(0.0, (time.time() if now is None else now) - at)
    for limit, unit, divisor in ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600)):
        if seconds < limit:
            return "just now" if seconds < 5 else f"{seconds // divisor:.0f} {unit} ago"
    return f"{seconds // 86_400:.0f} d ago"
