"""What a run's own pictures say about its network's answers: how far they can be believed, which classes it may be, how strange a picture is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tlcore.calibration import fit_temperature, is_limit
from tlcore.conformal import Conformal
from tlcore.embedding import load_embedding
from tlcore.errors import NotFoundError
from tlcore.evaluation import validation_of
from tlcore.unknown import FEWEST, Familiarity


@dataclasses.dataclass(frozen=True, eq=False)
class Grounds:
    """From the validation pictures, which weren't learnt from. Each is None where there is none, and `missing` says why.

    `temperature`: see `calibration`; `elsewhere`: whether the pictures are of the other domain, where labels of this one may not be read.
    """

    temperature: float | None = None
    conformal: Conformal | None = None
    familiarity: Familiarity | None = None
    elsewhere: bool = False
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, run_dir: Path) -> Grounds:
        """What a finished run left."""
        given = validation_of(run_dir)
        temperature, conformal, missing = None, None, []
        if given is not None:
            conformal = Conformal.of(given.labels, given.probabilities)
        if given is None or conformal is None:
            missing.append("The run left no answers to validation pictures, so nothing tells how far its probabilities can be believed.")
        else:
            temperature = fit_temperature(given.labels, given.probabilities)
            if is_limit(temperature):
                temperature = None
                missing.append("No temperature fits: the network made too few mistakes on the validation pictures, or too many. Its probabilities are shown as they are.")
        familiarity, reason = _familiarity(run_dir)
        missing += [reason] if reason else []
        return cls(temperature, conformal, familiarity, given is not None and given.split.startswith("source"), tuple(missing))


def _familiarity(run_dir: Path) -> tuple[Familiarity | None, str]:
    try:
        embedding = load_embedding(run_dir)
    except NotFoundError:
        return None, "The run kept nothing of how it sees its pictures, so none can be called unlike them. Train it again to have that."
    if not embedding.takes_more:
        return None, "The run was trained before new pictures could be placed among its own. Train it again to have that."
    found = Familiarity.of(embedding)
    return found, "" if found else f"Fewer than {FEWEST} validation pictures set no limit for what is unlike them."
