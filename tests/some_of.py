"""Repetitions of one test: a few in the usual suite, all of them in the long one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def some_of(names: Iterable[str], quick: Collection[str]) -> list[Any]:
    """All of them in the long suite, those of `quick` in the usual one."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]
