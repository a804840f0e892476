"""How far apart two domains are, as one number before anything is trained. No TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcore import jobs
from tlcore.config import RunConfig
from tlcore.errors import InputError
from tlcore.store import Job, JobState, Store

if TYPE_CHECKING:
    from tlcore.datasets.dataset import Dataset

MOST_PICTURES, FEWEST_PICTURES = 1000, 10  # Of each domain.
FOLDS = 5
REGULARISATION = 0.1  # Inverse strength: hundreds of features, hundreds of pictures.
SMALL, LARGE = 0.5, 1.3  # A linear classifier is right for 62 % and for 82 % of the pictures.


@dataclasses.dataclass(frozen=True)
class Shift:
    """The proxy A-distance of two domains and what it was measured on."""

    score: float  # 0: alike; 2: a linear classifier tells every picture's domain.
    error: float  # Of that classifier on pictures that it hasn't seen, mean over both domains; 0.5 is chance.
    source_pictures: int
    target_pictures: int
    backbone: str

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Shift:
        return cls(**{field.name: result[field.name] for field in dataclasses.fields(cls)})

    @property
    def meaning(self) -> str:
        """One sentence for people, with what to make of it."""
        right = f"A linear classifier on {self.backbone}'s features tells source from target for {1 - self.error:.0%} of unseen pictures (50% is chance)"
        if self.score < SMALL:
            return f"{right}: the domains look nearly alike to this network, so what is learnt on the source should carry over as it is."
        if self.score < LARGE:
            return f"{right}: the domains differ. Expect a loss on the target without labels of it; adapting may win some of it back."
        return f"{right}: the domains look very different to this network. Expect a large loss on the target without labels of it; adapt, or label some pictures."


def proxy_a_distance(source: np.ndarray, target: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Distance 2 (1 - 2 ε) of two clouds, within 0 and 2, and ε. Shapes: (n, features), (m, features).

    ε is the error of a linear classifier that tells the clouds apart, on points that it hasn't seen: logistic
    regression on standardised features, by cross-validation; each cloud counts half, however many points it has.
    Source: Ben-David et al. 2006, "Analysis of Representations for Domain Adaptation", and 2010, "A theory of
    learning from different domains".
    """
    # Read when needed only: it takes a second.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([source, target]).astype(np.float64)
    domain = np.repeat([0, 1], [len(source), len(target)])
    wrong = np.zeros(len(domain), bool)
    folds = StratifiedKFold(min(FOLDS, len(source), len(target)), shuffle=True, random_state=seed)
    for learn, check in folds.split(features, domain):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=1000))
        wrong[check] = classifier.fit(features[learn], domain[learn]).predict(features[check]) != domain[check]
    error = float((wrong[domain == 0].mean() + wrong[domain == 1].mean()) / 2)
    return min(2.0, max(0.0, 2 * (1 - 2 * error))), error


def question(config: RunConfig) -> RunConfig:
    """Of a run's settings those on which the shift between its domains depends; equal ones share one measurement."""
    seed = config.train.seed if config.backbone.weights == "none" else 0  # Of random weights.
    return RunConfig.model_validate({
        "dataset": config.dataset, "source": config.source, "classes": config.classes, "split": config.split, "backbone": config.backbone,
        "target": {"fraction": config.target.fraction, "seed": config.target.seed}, "strategy": {"name": "mixed"}, "train": {"seed": seed},
    })


def pictures(config: RunConfig, target: Dataset, source: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the source's and the target's training pictures to compare, at most `MOST_PICTURES` each, no picture twice.

    The target's labels serve to divide each class alike into parts and, where classes are chosen, to leave out the
    others, as in the run itself. Which picture has which label is seen by nothing that follows.

    Raises: InputError where there are too few.
    """
    from tlcore.datasets.domains import divide

    domains = divide(question(config), target, source)
    assert domains.source is not None
    found = []
    for dataset, rows in ((source, domains.source.train), (target, domains.target.train)):
        chosen = _some(dataset, rows)
        if len(chosen) < FEWEST_PICTURES:
            raise InputError(f"{dataset.name}: {len(chosen)} training pictures are too few to measure a shift; it needs {FEWEST_PICTURES} in each domain. Add images.")
        found.append(chosen)
    return found[0], found[1]


def _some(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Up to `MOST_PICTURES` different pictures, whichever order the rows have."""
    from tlcore.datasets.splits import hash_order

    ids, first = np.unique(dataset.content_ids[rows], return_index=True)
    some: np.ndarray = rows[first[hash_order(ids, 0, b"shift")[:MOST_PICTURES]]]
    return some


def submit_shift(store: Store, config: RunConfig) -> int:
    """Queue the measurement between a run's domains and return the job's id; one that waits, works or is done serves again.

    Raises: NotFoundError, InputError.
    """
    source, record = jobs.source_record(store, config), store.dataset(config.dataset)
    if source is None:
        raise InputError("A shift is measured between two domains. Choose a source.")
    jobs.check_run(config, record, store)
    known = latest_shift(store, config)
    if known is not None and (known.active or known.state is JobState.done):
        job_id = known.id
    else:
        asked = question(config)
        # No foreign keys: a figure is no reason to keep a dataset.
        payload = {"config": asked.model_dump(mode="json"), "dataset_id": record.id, "source_id": source.id, "question": asked.hash()}
        job_id = store.add_job("shift", f"Shift from {source.name} to {record.name}", payload)
    jobs.ensure_supervisor(store.workspace)
    return job_id


def latest_shift(store: Store, config: RunConfig) -> Job | None:
    """The last job that was to measure the shift between a run's domains, however it ended. Raises NotFoundError."""
    source = jobs.source_record(store, config)
    if source is None:
        return None
    wanted = {"question": question(config).hash(), "dataset_id": store.dataset(config.dataset).id, "source_id": source.id}
    return next((job for job in store.jobs("shift", limit=200) if wanted.items() <= job.payload.items()), None)
