"""What a study found out: which settings mattered, which trials no other beats, how each value did. No TensorFlow."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from tlcore.tuning.axes import AnyAxis, Ranged
from tlcore.tuning.suggest import distributions, plain, quiet
from tlcore.tuning.trials import StudyView, Trial, TrialState

if TYPE_CHECKING:
    import pandas as pd
    from optuna.distributions import BaseDistribution

FEWEST = 8  # Finished trials; with fewer any share is chance.
TREES, SEED = 16, 0
NO_SPREAD = 1e-9


def importance(view: StudyView) -> pd.DataFrame:
    """How much of the differences in score each searched setting explains, the weightiest first: setting, importance.

    The importances sum to 1. Empty with fewer than `FEWEST` finished trials, and where all scored alike.
    Source: Hutter, Hoos and Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance" (fANOVA).
    """
    import pandas as pd  # Takes a second; most commands never need it.

    spaces = {setting: found for setting, found in distributions(view.study.space).items() if not found.single()}
    done = _finished(view)
    scores = [trial.score for trial in done]
    empty = pd.DataFrame({"setting": [], "importance": []})
    if len(done) < FEWEST or not spaces or max(scores) - min(scores) < NO_SPREAD:  # type: ignore[type-var, operator]
        return empty
    shares = _explained(done, spaces)
    return pd.DataFrame({"setting": list(shares), "importance": list(shares.values())}) if shares else empty


def _explained(done: list[Trial], spaces: dict[str, BaseDistribution]) -> dict[str, float]:
    """Shares by setting, from a random forest over these trials."""
    import optuna  # Not above: it takes a second, and pages and supervisor don't need it.

    with quiet():
        study = optuna.create_study()
        for trial in done:
            params = {setting: plain(trial.values[setting]) for setting in spaces}
            study.add_trial(optuna.create_trial(params=params, distributions=spaces, value=trial.score))
        return optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=SEED))


def pareto(view: StudyView) -> list[Trial]:
    """The finished trials that no other beats in score and seconds, the quickest first."""
    import numpy as np

    from tlcore.pareto import front

    done = _finished(view)
    gain = np.array([trial.score for trial in done], float) * (-1 if view.study.goal.lower else 1)
    on = front(np.array([trial.seconds for trial in done], float), gain)
    return sorted((trial for trial, kept in zip(done, on, strict=True) if kept), key=lambda trial: (trial.seconds, trial.number))


def by_value(view: StudyView, setting: str) -> pd.DataFrame:
    """How the runs with each value of a setting did: value, mean, low, high, runs, seconds; repeats with other seeds counted too.

    low, high: the interval that holds the mean in 95 of 100 repetitions, NaN where one run, or equal ones, tell nothing.
    Formula: m ± t · s / √n with n runs, their mean m and standard deviation s (n - 1), and Student's t at 97.5 % for n - 1.
    """
    import pandas as pd
    from scipy.special import stdtrit

    groups: dict[str, list[Trial]] = {}
    for trial in _finished(view, repeats=True):
        groups.setdefault(json.dumps(trial.values.get(setting)), []).append(trial)
    rows = []
    for trials in groups.values():
        table = pd.DataFrame({"score": [trial.score for trial in trials], "seconds": [trial.seconds for trial in trials]}, dtype=float)
        n, mean, spread = len(table), table["score"].mean(), table["score"].std()
        half = stdtrit(n - 1, 0.975) * spread / math.sqrt(n) if n > 1 and spread > NO_SPREAD else math.nan
        rows.append((trials[0].values.get(setting), mean, mean - half, mean + half, n, table["seconds"].mean()))
    found = pd.DataFrame(rows, columns=["value", "mean", "low", "high", "runs", "seconds"])
    return found.iloc[_in_order(view.study.space[setting], found["value"].tolist())].reset_index(drop=True)


def _in_order(axis: AnyAxis, values: list[Any]) -> list[int]:
    """Places of the values from low to high, or as they are listed."""
    listed = [json.dumps(value) for value in axis.values] if not isinstance(axis, Ranged) else []
    keys = [listed.index(json.dumps(value)) if json.dumps(value) in listed else value for value in values]
    return sorted(range(len(values)), key=keys.__getitem__)


def _finished(view: StudyView, repeats: bool = False) -> list[Trial]:
    """Trials that came to their end with a score, with or without those of further seeds."""
    roles = ("trial", "repeat") if repeats else ("trial",)
    return [trial for trial in view.trials if trial.role in roles and trial.state is TrialState.done and trial.score is not None]
