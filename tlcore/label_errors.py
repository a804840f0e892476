"""Which pictures of a dataset are probably in the wrong class: found by confident learning, kept in a run's folder; no TensorFlow.

Every picture is judged by a classifier that never saw it nor a copy of it, on features that never saw a label of it.
Source: Northcutt, Jiang and Chuang 2021, Confident Learning; cleanlab.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlcore.errors import InputError
from tlcore.workspace import whole_file

LABEL_ERRORS = "label_errors.json"
FOLDS = 5
FEWEST_PER_CLASS = FOLDS
COMPONENTS = 128
REGULARISATION = 0.1  # Of digits with 3 % wrong labels it names four of five, and one right one in seven suspects; 1.0 names twice as many right ones.
COLUMNS = ("row", "content_id", "label", "suggested", "confidence_label", "confidence_suggested")


@dataclasses.dataclass(frozen=True)
class LabelErrors:
    """What a search found. `table`: one row a suspected picture, the most suspect first: row in the dataset, content_id,
    label (class it lies in), suggested (class that it looks like), and the probability out of fold of either.
    """

    pictures: int  # That were looked at.
    accuracy: float  # Of the classifier out of fold: the lower, the less its word counts.
    table: pd.DataFrame


def find(
    features: np.ndarray, labels: np.ndarray, rows: np.ndarray, content_ids: np.ndarray, classes: Sequence[str], seed: int = 0,
    tell: Callable[[float], None] = lambda done: None, together: np.ndarray | None = None,
) -> LabelErrors:
    """Search pictures for labels that are probably wrong. Shapes: features (n, d), the others (n,).

    together: equal for pictures that must not be judged by one another, as `Dataset.together`; the content ids by default.
    tell: is given the share that is done, fold by fold.
    Raises InputError where a class has too few different pictures to be judged.
    """
    from cleanlab.filter import (
        find_label_issues,  # Not above: pages read what was found without it.
    )

    together = content_ids if together is None else together
    _refuse_few(labels, together, classes)
    probabilities = out_of_fold(features, labels, together, len(classes), seed, tell)
    suspects = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    answers, names = probabilities.argmax(axis=1), np.array(classes, dtype=object)
    suspects = suspects[answers[suspects] != labels[suspects]]
    columns = (
        rows[suspects], content_ids[suspects], names[labels[suspects]], names[answers[suspects]],
        probabilities[suspects, labels[suspects]].astype(float), probabilities[suspects, answers[suspects]].astype(float),
    )
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    return LabelErrors(len(labels), float((answers == labels).mean()), table)


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, together: np.ndarray, k: int, seed: int, tell: Callable[[float], None] = lambda done: None
) -> np.ndarray:
    """Probabilities for each picture from a logistic regression that learnt from the other folds; (n, k) float64.

    What belongs together, such as equal pictures, lies in one fold, and every fold has its share of each class.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    found = np.zeros((len(labels), k))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(1, "blas"):  # Small products: more threads wait for each other on a busy machine.
        if features.shape[1] > COMPONENTS and len(features) > COMPONENTS:
            features = PCA(COMPONENTS, random_state=seed).fit_transform(StandardScaler().fit_transform(features.astype(np.float32)))
        for number, (learn, judge) in enumerate(folds.split(features, labels, together)):
            tell(number / FOLDS)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500))
            model.fit(features[learn], labels[learn])
            found[np.ix_(judge, model[-1].classes_)] = model.predict_proba(features[judge])
    return found


def _refuse_few(labels: np.ndarray, together: np.ndarray, classes: Sequence[str]) -> None:
    counts = pd.Series(together).groupby(labels).nunique()
    for c, name in enumerate(classes):
        if counts.get(c, 0) < FEWEST_PER_CLASS:
            raise InputError(f"class '{name}' has {counts.get(c, 0)} different pictures; to judge labels each class needs {FEWEST_PER_CLASS}. Add images.")


def save_label_errors(run_dir: Path, found: LabelErrors) -> None:
    """Keep what was found in a run's folder; the file appears whole."""
    document = {"pictures": found.pictures, "accuracy": found.accuracy, "table": found.table.to_dict("list")}
    with whole_file(run_dir / LABEL_ERRORS) as path:
        path.write_text(json.dumps(document, default=int, ensure_ascii=False), encoding="utf-8")


def load_label_errors(run_dir: Path) -> LabelErrors | None:
    """What was found for a run; None where nobody looked, or the file is damaged."""
    try:
        stored = json.loads((run_dir / LABEL_ERRORS).read_text(encoding="utf-8"))
        return LabelErrors(stored["pictures"], stored["accuracy"], pd.DataFrame(stored["table"], columns=list(COLUMNS)))
    except (OSError, ValueError, KeyError, TypeError):
        return None
