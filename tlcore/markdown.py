"""Names from outside in Markdown."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^=])")
_INLINE = re.compile(r"([\\`*_{}\[\]|<>~$&#]|:(?=\w))")
# What a browser finds in the text after the escapes are resolved: addresses, icons, ≈.
_FOUND_LATER = re.compile(r"(?<=:)(?=//|material/|streamlit:)|(?<=www)(?=\.)|(?<=@)(?=\w)|(?<=~)(?==)", re.IGNORECASE)
WORD_JOINER = "\u2060"  # Has no width and allows no line break.


def literal(text: str) -> str:
    """`text` so that Markdown shows it as it is: no links, colours, HTML, formulas or icons."""
    return _MARKDOWN.sub(r"\\\1", _FOUND_LATER.sub(WORD_JOINER, " ".join(text.split())))


def inline(text: str) -> str:
    """The same for a text that begins no line: fewer signs mean something there, so it stays readable as it is."""
    return _INLINE.sub(r"\\\1", _FOUND_LATER.sub(WORD_JOINER, " ".join(text.split())))
