"""Answers to many pictures at a glance, and those of them that somebody wants to see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlcore.answers import true_class
from tlcore.predict import Answer

WANTED = ("unlike", "mistaken", "models differ")


def overview(answers: Sequence[Answer], models: Sequence[str]) -> pd.DataFrame:
    """One row a picture that was looked at, indexed by its place: file, true class, sure, and the flags of WANTED.

    `class 0`, `sure 0`, `unlike 0` …: of each model its answer, how probable that is, and whether the picture is unlike what it
    learnt from. `sure`: of the least sure model; `unlike`: to any of them; `mistaken`: any that knows the class of the folder
    says another one.
    """
    rows: dict[int, dict[str, Any]] = {place: _row(answer, models) for place, answer in enumerate(answers) if not answer.error}
    each = [f"{column} {m}" for m in range(len(models)) for column in ("class", "sure", "unlike")]
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), dtype=np.int64), columns=["file", "true class", "sure", *WANTED, *each])
    return table.astype({flag: bool for flag in WANTED})


def _row(answer: Answer, models: Sequence[str]) -> dict[str, Any]:
    verdicts = [answer.verdicts[model] for model in models]
    true = [true_class(answer.file, verdict.classes) for verdict in verdicts]
    row: dict[str, Any] = {
        "file": answer.file,
        "true class": next((name for name in true if name), ""),
        "sure": min(verdict.confidence for verdict in verdicts),
        "unlike": any(verdict.unlike for verdict in verdicts),
        "mistaken": any(name is not None and name != verdict.answer for name, verdict in zip(true, verdicts, strict=True)),
        "models differ": len({verdict.answer for verdict in verdicts}) > 1,
    }
    for m, verdict in enumerate(verdicts):
        row |= {f"class {m}": verdict.answer, f"sure {m}": verdict.confidence, f"unlike {m}": verdict.unlike}
    return row


def chosen(table: pd.DataFrame, least: float, most: float, wanted: Collection[str]) -> pd.DataFrame:
    """The rows of an overview whose `sure` lies in a range, ends included, and that have one of the wanted flags; none wanted: all."""
    inside = table[table["sure"].between(least, most)]
    return inside[inside[list(wanted)].any(axis=1)] if wanted else inside
