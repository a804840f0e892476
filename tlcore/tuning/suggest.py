"""Which settings a study tries next: Optuna's samplers, their memory in the workspace's own store. No TensorFlow.

The runs of a study are the truth. Optuna's tables serve the sampler only: they are brought up to date from the runs
whenever a worker takes a study up.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcore.schema import BUSY_TIMEOUT_S
from tlcore.tuning.axes import SEARCHABLE, AnyAxis, Axis, Fixed, Ranged
from tlcore.tuning.study import Study, base_values, combinations, grid, grid_at
from tlcore.tuning.trials import Trial, TrialState
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

NUMBER = "number"  # User attribute of Optuna's trials: which of ours it is.
AT_RANDOM = 8  # Settings that are tried anywhere before TPE looks where it pays.


class Sampler:
    """Asks for settings and learns how they did; the same runs before give the same settings next, also after a restart.

    A grid needs no memory but the runs themselves.
    """

    def __init__(self, workspace: Workspace, series_id: int, study: Study) -> None:
        self._study, self._spaces = study, distributions(study.space)
        self._asked: dict[int, int] = {}  # Trials whose end Optuna has not heard of, by number: its own number of them.
        self._learnt: set[int] = set()
        if study.sampler == "grid":
            return
        with quiet():
            self._optuna = _opened(workspace, series_id, study)
        for trial in self._optuna.get_trials(deepcopy=False):
            if NUMBER in trial.user_attrs and trial.state.is_finished():
                self._learnt.add(trial.user_attrs[NUMBER])
            elif NUMBER in trial.user_attrs:
                self._asked[trial.user_attrs[NUMBER]] = trial.number

    def learn(self, trials: Iterable[Trial]) -> None:
        """Tell Optuna of every first run of settings that has ended and that it has not heard of."""
        if self._study.sampler == "grid":
            return
        for trial in trials:
            if trial.role == "trial" and trial.ended and trial.number not in self._learnt:
                self._tell(trial)

    def _tell(self, trial: Trial) -> None:
        import optuna

        values, failed = self._told(trial), optuna.trial.TrialState.FAIL
        if trial.number in self._asked:
            self._optuna.tell(self._asked.pop(trial.number), values, None if values else failed)
        else:
            end: dict[str, Any] = {"values": values} if values else {"state": failed}
            params = {setting: plain(trial.values[setting]) for setting in self._spaces}
            self._optuna.add_trial(optuna.create_trial(params=params, distributions=self._spaces, user_attrs={NUMBER: trial.number}, **end))
        self._learnt.add(trial.number)

    def ask(self, number: int, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Settings that were not tried yet, as trial `number`; None where there are none left.

        The first ones are the base's own where they may be tried: what a search finds is to be better than what it began with.
        """
        if self._study.sampler == "grid":
            return next((values for values in grid(self._study) if values not in tried), None)
        import optuna

        with quiet():
            self._optuna.sampler = _sampler(self._study, number)
            if number == 0 and (first := base_values(self._study)) is not None:
                self._optuna.enqueue_trial({setting: plain(first[setting]) for setting in self._spaces}, skip_if_exists=True)
            asked = self._optuna.ask(self._spaces)
        found = {setting: axis.value if isinstance(axis, Fixed) else _value(axis, asked.params[setting]) for setting, axis in self._study.space.items()}
        if found in tried:
            self._optuna.tell(asked, state=optuna.trial.TrialState.FAIL)
            return self._untried(number, tried)
        asked.set_user_attr(NUMBER, number)
        self._asked[number] = asked.number
        self._learnt.discard(number)  # Of a run that was deleted.
        return found

    def _untried(self, number: int, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Of a space that is a list, any that was not tried."""
        chance, size = random.Random(f"{self._study.seed} {number}"), combinations(self._study)
        if size > 2 * len(tried):  # Every other draw at least is a new one, however many there are.
            drawn = (grid_at(self._study, chance.randrange(size)) for _ in itertools.count())
            return next(values for values in drawn if values not in tried)
        left = [values for values in grid(self._study) if values not in tried]
        return chance.choice(left) if left else None

    def _told(self, trial: Trial) -> list[float] | None:
        """What Optuna is to make as large or as small as can be; None of a trial that says nothing, such as a failed one.

        A pruned one says how far it came, which is what it is known to be: not good.
        """
        if trial.score is None or trial.state not in (TrialState.done, TrialState.pruned):
            return None
        if not self._study.goal.seconds:
            return [trial.score]
        return [trial.score, trial.seconds] if trial.state is TrialState.done else None  # Few seconds, but of no whole run.


def forget(workspace: Workspace, series_id: int) -> None:
    """Delete what Optuna remembers of a study."""
    import optuna

    with quiet(), contextlib.suppress(KeyError):
        optuna.delete_study(study_name=_name(series_id), storage=_storage(workspace))


def distributions(space: Mapping[str, Axis]) -> dict[str, BaseDistribution]:
    """The axes as Optuna has them, without those of a single value."""
    return {setting: found for setting, axis in space.items() if (found := _distribution(setting, axis)) is not None}


def _distribution(setting: str, axis: AnyAxis) -> BaseDistribution | None:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(axis, Fixed):
        return None
    if not isinstance(axis, Ranged):
        return CategoricalDistribution([plain(value) for value in axis.values])
    if SEARCHABLE[setting].kind == "whole":
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def plain(value: Any) -> Any:
    """Lists as text: a choice has to be a number or a word."""
    return json.dumps(value) if isinstance(value, list | tuple) else value


def _value(axis: AnyAxis, param: Any) -> Any:
    """What `plain` made plain; a step's number as a grid has it, so that 0.3 and 0.1 + 0.2 are one."""
    if isinstance(axis, Ranged):
        return param if axis.step is None else type(param)(round(param, 12))
    return next(value for value in axis.values if plain(value) == param)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's words on what it does."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _sampler(study: Study, number: int) -> optuna.samplers.BaseSampler:
    """Begun anew for each trial, so that a study that was taken up again goes on along the same path."""
    import optuna

    seed = int(np.random.SeedSequence((study.seed, number)).generate_state(1)[0])
    if study.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=AT_RANDOM, gamma=_good)
    return optuna.samplers.RandomSampler(seed=seed)


def _good(trials: int) -> int:
    """How many of the trials count as good ones: a fifth. Optuna's tenth is one or two of a short study's, and says little."""
    return min(25, math.ceil(0.2 * trials))


def _name(series_id: int) -> str:
    return f"series-{series_id}"


def _storage(workspace: Workspace) -> optuna.storages.RDBStorage:
    import optuna

    waiting = {"connect_args": {"timeout": BUSY_TIMEOUT_S}} if workspace.store_url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(workspace.store_url, engine_kwargs=waiting)


def _opened(workspace: Workspace, series_id: int, study: Study) -> optuna.Study:
    import optuna

    less, more = optuna.study.StudyDirection.MINIMIZE, optuna.study.StudyDirection.MAXIMIZE
    directions = [less if study.goal.lower else more, *([less] if study.goal.seconds else [])]
    found = optuna.create_study(study_name=_name(series_id), storage=_storage(workspace), directions=directions, load_if_exists=True)
    for trial in found.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        if NUMBER not in trial.user_attrs:  # Asked for in the instant in which a worker died: no run was made of it.
            found.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return found
