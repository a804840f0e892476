"""Answers about pictures as tables, as a document, and against the folders that the pictures came in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from tlcore.grounds import Grounds
from tlcore.predict import Answer, Verdict
from tlcore.results import Predictions

COVERAGE = 0.9  # How often the possible classes shall hold the true one, unless told otherwise.
COLUMNS = ["file", "true class", "model", "class", "probability", "calibrated", "possible", "distance", "limit", "unlike", "error"]


def true_class(file: str, classes: Collection[str]) -> str | None:
    """The class in whose folder a file lies, the innermost such folder; None where there is none."""
    return next((part for part in reversed(PurePosixPath(file).parts[:-1]) if part in classes), None)


def answers_table(answers: Sequence[Answer], grounds: Mapping[str, Grounds], coverage: float = COVERAGE) -> pd.DataFrame:
    """One row a file and model, and one for a file that can't be used: COLUMNS.

    `probability` is the network's own, `calibrated` after the temperature; `possible`: the classes of the conformal set;
    `unlike`: whether `distance` is beyond `limit`. Empty where the run doesn't tell; no true class anywhere: no such column.
    """
    rows: list[dict[str, Any]] = []
    for answer in answers:
        rows += [_row(answer, model, verdict, grounds[model], coverage) for model, verdict in answer.verdicts.items()]
        if answer.error:
            rows.append({"file": answer.file, "error": answer.error})
    table = pd.DataFrame(rows, columns=COLUMNS)
    texts = ["true class", "model", "class", "possible", "error"]
    table[texts] = table[texts].fillna("")
    return table if table["true class"].any() else table.drop(columns="true class")


def _row(answer: Answer, model: str, verdict: Verdict, grounds: Grounds, coverage: float) -> dict[str, Any]:
    best, familiarity = int(verdict.given.argmax()), grounds.familiarity
    return {
        "file": answer.file,
        "true class": true_class(answer.file, verdict.classes) or "",
        "model": model,
        "class": verdict.answer,
        "probability": float(verdict.given[best]),
        "calibrated": None if verdict.calibrated is None else float(verdict.calibrated[best]),
        "possible": "; ".join(verdict.possible(grounds, coverage) or []),
        "distance": verdict.distance,
        "limit": None if familiarity is None else familiarity.limit,
        "unlike": None if verdict.distance is None else verdict.unlike,
    }


def answers_document(answers: Sequence[Answer], grounds: Mapping[str, Grounds], coverage: float = COVERAGE) -> dict[str, Any]:
    """All of it as JSON: every class's probability, most probable first; what the run doesn't tell is null."""
    models = {
        model: {
            "temperature": given.temperature,
            "limit": given.familiarity.limit if given.familiarity else None,
            "not_told": list(given.missing),
        }
        for model, given in grounds.items()
    }
    return {"coverage": coverage, "models": models, "pictures": [_document(answer, grounds, coverage) for answer in answers]}


def _document(answer: Answer, grounds: Mapping[str, Grounds], coverage: float) -> dict[str, Any]:
    if answer.error is not None:
        return {"file": answer.file, "error": answer.error}
    verdicts = {model: verdict_document(verdict, grounds[model], coverage) for model, verdict in answer.verdicts.items()}
    return {"file": answer.file, "size_px": answer.size_px, "notes": list(answer.notes), "verdicts": verdicts}


def verdict_document(verdict: Verdict, grounds: Grounds, coverage: float = COVERAGE) -> dict[str, Any]:
    """One model's verdict as JSON."""
    order = np.argsort(-verdict.given, kind="stable")

    def by_class(shares: np.ndarray) -> dict[str, float]:
        return {verdict.classes[c]: float(shares[c]) for c in order}

    return {
        "class": verdict.answer,
        "probabilities": by_class(verdict.given),
        "calibrated": None if verdict.calibrated is None else by_class(verdict.calibrated),
        "possible": verdict.possible(grounds, coverage),
        "distance": verdict.distance,
        "unlike": None if verdict.distance is None else verdict.unlike,
    }


def judged(answers: Sequence[Answer], model: str) -> Predictions | None:
    """One model's answers to the pictures that lie in a folder of one of its classes; None where none does.

    `rows` are positions in `answers`; probabilities are the network's own.
    """
    told = [(i, answer.verdicts[model]) for i, answer in enumerate(answers) if model in answer.verdicts]
    if not told:
        return None
    classes = told[0][1].classes
    found = [(i, name, verdict.given) for i, verdict in told if (name := true_class(answers[i].file, classes)) is not None]
    if not found:
        return None
    rows, names, given = zip(*found, strict=True)
    at = np.array(rows)
    return Predictions("uploaded", at, at.astype(str), np.array([classes.index(name) for name in names]), np.stack(given), classes)
