"""Does transfer help? One set of settings as many runs: three ways of learning, at several numbers of labels, with several seeds.

Source: accuracy against the number of labelled pictures, for a fixed, a fine-tuned and a randomly begun network, as in
Kornblith, Shlens and Le 2019, "Do Better ImageNet Models Transfer Better?", arXiv:1805.08974.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlcore import series_jobs
from tlcore.backbones import spec
from tlcore.config import OptimizerConfig, RunConfig, parse
from tlcore.errors import InputError
from tlcore.store import Store
from tlcore.strategies import LearnsBlocks, LinearProbeThenFineTune, Strategy

if TYPE_CHECKING:
    from tlcore.datasets.dataset import Dataset
    from tlcore.forecast.outlook import Outlook
    from tlcore.forecast.rates import Band

KIND = "labels"
QUESTION = "Does transfer help?"
WAYS = {"frozen": "frozen", "fine_tune": "fine-tuned", "scratch": "from scratch"}  # By strategy, in the order in which they run: what is soon done first.
FRACTIONS = (0.05, 0.2, 1.0)
SEEDS, MOST_SEEDS = 3, 10
LEAST_EPOCHS = 60  # With all labels. Weights that know nothing need more passes than a head, and all ways shall have as many.
MOST_LEAST_EPOCHS = 1000
LEAST_PATIENCE = 10
FINE_TUNED_BLOCKS = 2
FEWEST_OF_A_CLASS = 2  # Labelled training pictures.
USUAL_RATES = {"sgd": (1e-2, 5e-2)}  # Of a head, and of a network from scratch, where the form says neither.
USUAL_RATE = 1e-3
MOST_EPOCHS, MOST_PATIENCE, MOST_WARMUP = 10_000, 1000, 1000.0  # As the settings allow.


@dataclasses.dataclass(frozen=True)
class Planned:
    """One run of the plan."""

    strategy: str
    fraction: float  # Of the training and validation pictures' labels.
    config: RunConfig


@dataclasses.dataclass(frozen=True)
class Plan:
    """All runs, in the order in which they are queued, and what a reader must know of them."""

    title: str
    runs: tuple[Planned, ...]
    labels: Mapping[float, int]  # Labelled training pictures by fraction.
    choices: tuple[str, ...]  # Sentences: what was chosen for each way, and why.
    left_out: tuple[str, ...]  # Sentences: what isn't in the plan, and why.

    @property
    def settings(self) -> dict[str, Any]:
        """What the series remembers beside its runs."""
        return {"planned": len(self.runs), "choices": list(self.choices), "left_out": list(self.left_out)}


def plan(config: RunConfig, dataset: Dataset, seeds: int = SEEDS, least_epochs: int = LEAST_EPOCHS, fractions: Sequence[float] = FRACTIONS) -> Plan:
    """The runs that answer whether transfer helps with these settings.

    Seeds change start weights and order (train.seed) and which pictures are labelled (target.seed). The
    test pictures depend on neither, so they are the same in all runs; the source, which none of the three
    reads, is left out, since its division would depend on target.seed.
    least_epochs: passes that every way gets at least where all labels are used, though the form be for a head, which needs few.
    Raises: InputError where there is nothing to carry over, or too few pictures for any fraction.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError(f"{seeds} seeds can't be planned: choose 1 to {MOST_SEEDS}.")
    if not 1 <= least_epochs <= MOST_LEAST_EPOCHS:
        raise InputError(f"{least_epochs} epochs at least can't be planned: choose 1 to {MOST_LEAST_EPOCHS:,}.")
    base, choices = _transferable(config)  # Its strategy is of no account.
    labels, left_out = _labels(base, dataset, fractions)
    if not labels:
        raise InputError(f"{dataset.name}: no number of labels can be planned. {' '.join(left_out)} Add pictures or drop the class.")
    if config.source.dataset is not None:
        left_out.append(f"The source '{config.source.dataset}': none of the three reads it, and all pictures of '{config.dataset}' are the target's.")
    most = max(labels)
    steps = {fraction: math.ceil(count / config.train.batch_size) for fraction, count in labels.items()}
    ways = {way: _document(way, base, config.strategy, least_epochs) for way in WAYS}
    runs = [
        Planned(way, fraction, _run(ways[way], way, fraction, steps[most] / steps[fraction], seed))
        for seed in range(seeds) for fraction in labels for way in WAYS
    ]
    return Plan(f"{QUESTION} · {config.name or f'{config.dataset} · {config.backbone.name}'}", tuple(runs), labels, (*choices, *_choices(ways, labels)), tuple(left_out))


def _transferable(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """The settings with weights that can be carried over and without a source, and what had to be chosen for that."""
    document, said = config.model_dump(mode="json"), []
    if config.backbone.weights == "none":
        if config.strategy.name != "scratch":
            raise InputError(f"{config.backbone.name} would begin with random weights, so there is nothing to transfer. Choose other weights of the backbone.")
        usual = spec(config.backbone.name).weights[0]
        document["backbone"]["weights"] = usual
        said.append(f"Transfer begins with the weights '{usual}' of {config.backbone.name}.")
        document["freeze"] = {}  # Those of a network that all learns.
    return parse({**document, "source": {}, "strategy": {"name": "frozen"}}), said


def _labels(config: RunConfig, dataset: Dataset, fractions: Sequence[float]) -> tuple[dict[float, int], list[str]]:
    """Labelled training pictures by fraction, and a sentence for each fraction that is left out."""
    from tlcore.datasets.domains import divide  # Read when needed only: Arrow takes its time.

    found: dict[float, int] = {}
    left_out = []
    for fraction in sorted(set(fractions)):
        target = config.target.model_copy(update={"label_fraction": fraction})
        counts = divide(config.model_copy(update={"target": target}), dataset, None).target.counts()
        trained = counts["train"].to_numpy()
        total, least, named = int(trained.sum()), int(trained.min()), f"{fraction:.0%} of the labels"
        if least < FEWEST_OF_A_CLASS:
            left_out.append(f"{named}: class '{counts['class'].iloc[int(trained.argmin())]}' would have {least} labelled training picture; {FEWEST_OF_A_CLASS} are the least.")
        elif total in found.values():
            left_out.append(f"{named}: that would be {total:,} pictures again.")
        else:
            found[fraction] = total
    return found, left_out


def _document(way: str, base: RunConfig, own: Strategy, least_epochs: int) -> dict[str, Any]:
    """The settings of one way of learning where all labels are used; rates that were set are kept where `own`, the strategy they were set for, is this way."""
    document, optimizer, train = base.model_dump(mode="json"), base.optimizer, base.train
    for_blocks, for_scratch = isinstance(own, LearnsBlocks), own.name == "scratch"
    head_rate, scratch_rate = _usual_rates(optimizer)
    if isinstance(own, LinearProbeThenFineTune):
        head_rate = own.head_rate
    elif not for_blocks and not for_scratch:
        head_rate = optimizer.learning_rate
    document["train"]["epochs"] = max(train.epochs, least_epochs)
    if train.early_stopping_patience is not None:
        document["train"]["early_stopping_patience"] = max(train.early_stopping_patience, min(LEAST_PATIENCE, least_epochs))
    document["strategy"], document["freeze"] = {"name": way}, {}
    if way == "frozen":
        document["optimizer"]["learning_rate"] = head_rate
    elif way == "scratch":
        document["optimizer"]["learning_rate"] = optimizer.learning_rate if for_scratch else scratch_rate
    else:
        if isinstance(own, LearnsBlocks):
            document["strategy"] |= {"rate_factor": own.rate_factor, "batch_norm": own.batch_norm}
        blocks = min(FINE_TUNED_BLOCKS, len(spec(base.backbone.name).blocks))
        document["freeze"] = {"trainable_blocks": base.freeze.trainable_blocks or blocks}
        document["optimizer"]["learning_rate"] = optimizer.learning_rate if for_blocks else head_rate / 10
        document["optimizer"]["warmup_epochs"] = max(optimizer.warmup_epochs, 1.0)
    return document


def _usual_rates(optimizer: OptimizerConfig) -> tuple[float, float]:
    """Of a head, and of a network from scratch."""
    return USUAL_RATES.get(optimizer.name, (USUAL_RATE, USUAL_RATE))


def _run(document: Mapping[str, Any], way: str, fraction: float, longer: float, seed: int) -> RunConfig:
    """One run: with fewer labels an epoch has fewer updates, so there are as many more of them."""
    train, target, optimizer = dict(document["train"]), dict(document["target"]), dict(document["optimizer"])
    train["seed"] += seed
    target |= {"seed": target["seed"] + seed, "label_fraction": fraction}
    train["epochs"] = min(MOST_EPOCHS, math.ceil(train["epochs"] * longer))
    if train["early_stopping_patience"] is not None:
        train["early_stopping_patience"] = min(MOST_PATIENCE, math.ceil(train["early_stopping_patience"] * longer))
    optimizer["warmup_epochs"] = min(MOST_WARMUP, optimizer["warmup_epochs"] * longer)
    name = f"{QUESTION} · {WAYS[way]} · {fraction:.0%} · seed {train['seed']}"
    return parse({**document, "name": name, "train": train, "target": target, "optimizer": optimizer}, name)


def _choices(ways: Mapping[str, Mapping[str, Any]], labels: Mapping[float, int]) -> list[str]:
    """What each way was given, in words."""
    frozen, tuned, scratch = (parse(ways[way]) for way in ("frozen", "fine_tune", "scratch"))
    blocks, warmup, patience = tuned.freeze.trainable_blocks, tuned.optimizer.warmup_epochs, frozen.train.early_stopping_patience
    said = [
        f"Frozen: a new head learns at rate {frozen.optimizer.learning_rate:g}.",
        f"Fine-tuned: the topmost {'block learns' if blocks == 1 else f'{blocks} blocks learn'} with the head at rate {tuned.optimizer.learning_rate:g}"
        f" after a warm-up of {warmup:g} {'epoch' if warmup == 1 else 'epochs'}.",
        f"From scratch: all blocks learn from random weights at rate {scratch.optimizer.learning_rate:g}.",
        f"Each has {frozen.train.epochs} epochs at most" + ("." if patience is None else f" and stops after {patience} without progress."),
    ]
    if len(labels) > 1:
        said.append(f"These are epochs with all {max(labels.values()):,} labels; with fewer, an epoch has fewer updates, and as many more epochs, with longer patience, make up for it.")
    said.append(
        "A seed changes start weights and order and, where not all labels are used, which pictures are labelled; "
        "all three learn from the same ones, and the test pictures are the same in all runs."
    )
    return said


def plan_for(store: Store, config: RunConfig, seeds: int = SEEDS, least_epochs: int = LEAST_EPOCHS) -> Plan:
    """`plan` for a dataset of the store. Raises NotFoundError, InputError."""
    from tlcore.datasets.dataset import Dataset

    return plan(config, Dataset.open(store.workspace.dataset(store.dataset(config.dataset).id)), seeds, least_epochs)


def forecasts(store: Store, planned: Plan) -> dict[tuple[str, float], Outlook]:
    """What a run of each way with each number of labels will take; runs that differ in their seeds take the same. Raises OSError, TLError."""
    from tlcore.forecast.outlook import outlook_of

    firsts = {(run.strategy, run.fraction): run.config for run in reversed(planned.runs)}
    return {each: outlook_of(store, config) for each, config in firsts.items()}


def expected_seconds(planned: Plan, expected: Mapping[tuple[str, float], Outlook]) -> Band:
    """Of all runs one after the other. What frozen layers make of a picture is computed once for all runs of a way."""
    from tlcore.forecast.costs import START_S
    from tlcore.forecast.rates import Band, added

    parts = [max((outlook.phases["start"] for outlook in expected.values()), key=lambda band: band.likely)]
    for way in WAYS:
        features = [band for (each, _), outlook in expected.items() if each == way and (band := outlook.phases.get("features"))]
        parts += sorted(features, key=lambda band: band.likely)[-1:]
    for each, outlook in expected.items():
        work = added(band for phase, band in outlook.phases.items() if phase not in ("start", "features"))
        times, least = sum((run.strategy, run.fraction) == each for run in planned.runs), START_S * outlook.stretch
        # A run that is shorter than the start of the next one's worker waits for that.
        parts.append(Band(times * max(work.low, least / 2), times * max(work.likely, least), times * max(work.high, 2 * least)))
    return added(parts)


def submit(store: Store, planned: Plan, expected: Mapping[tuple[str, float], Outlook] | None = None, token: str | None = None) -> int:
    """Queue all runs, or none, and return the number of their series. Raises NotFoundError, InputError."""
    shown = [(expected or {}).get((run.strategy, run.fraction)) for run in planned.runs]
    told = [outlook.to_json() if outlook else {} for outlook in shown]
    return series_jobs.submit(store, KIND, planned.title, [run.config for run in planned.runs], planned.settings, told, token)
