"""A ranking: what was measured of each backbone, as a job leaves it and as pages and commands show it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tlcore import backbones
from tlcore.config import BackboneConfig
from tlcore.workspace import whole_file

if TYPE_CHECKING:
    import pandas as pd

FILE = "ranking.json"


class Measure(NamedTuple):
    """A figure by which backbones can be put in order, the highest first; and where it is from."""

    title: str
    meaning: str
    source: str
    share: bool = False  # Told in percent.


SCORES: dict[str, Measure] = {
    "regression": Measure("Logistic regression", "Accuracy of a linear classifier on the features, cross-validated.", "Kornblith et al. 2019, arXiv:1805.08974", True),
    "neighbours": Measure("Nearest neighbours", "Share of the pictures that have the class of most of the 5 nearest others.", "Puigcerver et al. 2020, arXiv:2009.13239", True),
    "log_me": Measure("LogME", "How well a Bayesian linear model explains the classes by the features: log evidence a picture.", "You et al. 2021, arXiv:2102.11005"),
    "h_score": Measure("H-score", "Variance of the features between classes against all of it, regularised.", "Ibrahim et al. 2021, arXiv:2110.06893"),
    "leep": Measure("LEEP", "How well what the backbone's own classifier answers foretells the classes: mean log likelihood.", "Nguyen et al. 2020, arXiv:2002.12462"),
    "nce": Measure("NCE", "How little is left open about the class when that classifier's first answer is known.", "Tran et al. 2019, arXiv:1908.08142"),
}
OF_THE_HEAD = ("leep", "nce")
BASELINES: dict[str, Measure] = {
    "top1": Measure("ImageNet top-1", "Published accuracy on ImageNet; says nothing of these pictures.", "the papers", True),
    "params": Measure("Parameters", "Size of the network without a classifier.", "counted"),
}
"""What one would go by without looking at the pictures; a score should do better."""
MEASURES = SCORES | BASELINES
FIRST = "regression"


@dataclasses.dataclass(frozen=True)
class Row:
    """One backbone. Without `scores` there is a reason in `why_not`."""

    backbone: dict[str, Any]  # BackboneConfig as JSON.
    title: str
    side_px: int
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0  # Features and scores.
    computed: int = 0  # Pictures that had to go through the network; the others' features were stored.
    no_head: str | None = None  # Why LEEP and NCE are missing, where they are.
    caution: str | None = None  # What makes its place doubtful.
    why_not: str | None = None

    @property
    def config(self) -> BackboneConfig:
        return BackboneConfig.model_validate(self.backbone)

    @property
    def notes(self) -> list[str]:
        """Sentences on what is missing or doubtful."""
        return [each for each in (self.why_not, self.caution if self.scores else None, self.no_head) if each]

    @classmethod
    def asked(cls, title: str, config: BackboneConfig, caution: str | None = None) -> Row:
        """A backbone before anything is measured."""
        return cls(config.model_dump(mode="json"), title, config.input_size or backbones.spec(config.name).usual_size, caution=caution)

    def figure(self, measure: str) -> float | None:
        """A score or a baseline; None where it has none. ImageNet's accuracy only where these are its weights."""
        known = backbones.spec(self.backbone["name"])
        if measure == "params":
            return float(known.params)
        if measure == "top1":
            return known.top1 if self.backbone["weights"] == "imagenet" else None
        return self.scores.get(measure)


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Several backbones on the same training pictures of a dataset."""

    dataset_id: str
    dataset: str
    classes: tuple[str, ...]
    pictures: int
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Ranking:
        rows = tuple(Row(**row) for row in document["rows"])
        return cls(document["dataset_id"], document["dataset"], tuple(document["classes"]), document["pictures"], rows)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def save(self, run_dir: Path) -> None:
        """Keep it in the job's folder; the file appears whole."""
        with whole_file(run_dir / FILE) as path:
            path.write_text(json.dumps(self.to_json(), ensure_ascii=False), encoding="utf-8")

    def ordered(self, measure: str = FIRST) -> list[Row]:
        """The highest first; those that lack the figure last, in the order asked for."""
        return sorted(self.rows, key=lambda row: -value if (value := row.figure(measure)) is not None and not row.why_not else float("inf"))

    def table(self, measure: str = FIRST) -> pd.DataFrame:
        """One row a backbone in this order: backbone, input_size, every measure, seconds, note."""
        import pandas as pd  # Takes a second; the worker never needs it.

        columns = ["backbone", "input_size", *MEASURES, "seconds", "note"]
        found = []
        for row in self.ordered(measure):
            figures = [None if row.why_not and name in SCORES else row.figure(name) for name in MEASURES]
            found.append((row.title, row.side_px, *figures, row.seconds if not row.why_not else None, " ".join(row.notes)))
        return pd.DataFrame(found, columns=columns).astype(dict.fromkeys([*MEASURES, "seconds"], float))


def load(run_dir: Path) -> Ranking | None:
    """What a job has measured so far; None before the first backbone."""
    try:
        return Ranking.of(json.loads((run_dir / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def in_words(ranking: Ranking) -> list[str]:
    """Which backbone comes first by which scores, the one of the first score first."""
    ranked = [row for row in ranking.rows if row.scores]
    if len(ranked) < 2:
        return [f"{ranked[0].title} is the only one that could be ranked." if ranked else "No backbone could be ranked."]
    firsts: dict[str, list[str]] = {}
    for name, measure in SCORES.items():
        if any(name in row.scores for row in ranked):
            first = ranking.ordered(name)[0]
            firsts.setdefault(first.title, []).append(f"{measure.title.lower()} ({first.scores[name]:.1%})" if measure.share else measure.title)
    return [f"{title} comes first by {', '.join(names)}." for title, names in firsts.items()]
