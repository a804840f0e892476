"""Amounts as people write and read them: bytes with a unit, how long ago."""

from __future__ import annotations

import re
import time

from tlcore.errors import InputError

UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}


def size(bytes_: float) -> str:
    """Bytes with a unit and two or three digits."""
    value, unit = float(bytes_), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


def read_size(text: str) -> int:
    """Bytes from `20GB`, `500 MB` or `1.5TB`; a bare number is in GB. Raises InputError."""
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([kmgt]b)?\s*", text, re.IGNORECASE | re.ASCII)
    if found is None:
        raise InputError(f"'{text[:40]}' is no size. Give a number with its unit, such as 20GB or 500MB.")
    return int(float(found[1]) * UNITS[(found[2] or "GB").lower()])


def ago(at: float, now: float | None = None) -> str:
    """How long ago the moment `at` (unix seconds) was; never negative."""
    seconds = max(0.0, (time.time() if now is None else now) - at)
    for limit, unit, divisor in ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600)):
        if seconds < limit:
            return "just now" if seconds < 5 else f"{seconds // divisor:.0f} {unit} ago"
    return f"{seconds // 86_400:.0f} d ago"
