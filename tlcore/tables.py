"""Tables that leave the workbench as CSV."""

from __future__ import annotations

import pandas as pd

# A spreadsheet takes a text that begins like this for a formula and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(table: pd.DataFrame) -> str:
    """CSV whose texts a spreadsheet shows and never runs: an apostrophe stands before = + - @."""
    safe = table.copy()
    for position, column in enumerate(table.columns):
        if not pd.api.types.is_numeric_dtype(table.iloc[:, position]):
            safe.isetitem(position, [_harmless(value) for value in table.iloc[:, position]])
        safe = safe.rename(columns={column: _harmless(column)})
    return safe.to_csv(index=False, lineterminator="\n")


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
