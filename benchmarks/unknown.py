"""Does a network notice pictures of classes that it has never seen? Known test pictures against those of other classes.

CIFAR-10's classes in halves: one is learnt, the other is asked about. Every score comes from what a run leaves; its
limit is the one that 95 % of the validation pictures keep.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.workbench import CLASSES, Bench, Material, bench, imagenet_weights, say, settings
from tlcore import jobs
from tlcore.config import RunConfig
from tlcore.datasets.builtin import BUILT_IN
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.ingest import ingest
from tlcore.datasets.splits import Split
from tlcore.embedding import Embedding, load_embedding
from tlcore.nn import inference
from tlcore.predict import Seen
from tlcore.reporter import NullReporter
from tlcore.unknown import NEIGHBOURS, PASSES, Familiarity

PICTURES, QUICK_PICTURES = 20_000, 600
MOST_ASKED = 2_000
SIDE_PX = {"MobileNetV2": 96, "MobileNet_0.25": 128}
NETWORKS: dict[str, dict[str, Any]] = {
    "MobileNetV2, frozen": {"backbone__name": "MobileNetV2"},
    "MobileNetV2, hidden layer": {"backbone__name": "MobileNetV2", "head__hidden": [128]},
    "MobileNet_0.25, frozen": {"backbone__name": "MobileNet_0.25"},
}
Score = Callable[[Seen], np.ndarray]


class Asked(NamedTuple):
    """What a network makes of pictures that weren't learnt from."""

    val: Seen
    known: Seen
    others: Seen
    digits: Seen


def measure(rounds: int, material: Material) -> dict[str, Any]:
    """Mean AUROC by score over networks and halves (`rounds` of them), and what the limit lets through and catches."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, changes in NETWORKS.items():
        backbone = changes["backbone__name"]
        with imagenet_weights(backbone, SIDE_PX[backbone]), bench(material) as at:
            dataset = at.add_pictures(QUICK_PICTURES if material.quick else PICTURES)
            digits = ingest(BUILT_IN["digits"](), "digits", at.workspace, NullReporter())
            for half in range(rounds):
                told = _of_one(at, dataset, digits, changes, half, 2 if material.quick else 15)
                say(f"{name}, half {half}: accuracy {told.pop('accuracy'):.3f}, AUROC " + ", ".join(f"{score} {each['auroc']:.3f}" for score, each in told.items()))
                for score, each in told.items():
                    found.setdefault(score, []).append(each)
    return {"runs": len(NETWORKS) * rounds, **{score: {figure: round(float(np.mean([each[figure] for each in every])), 3) for figure in every[0]} for score, every in found.items()}}


def _of_one(at: Bench, dataset: Dataset, digits: Dataset, changes: dict[str, Any], half: int, epochs: int) -> dict[str, Any]:
    """One run on half of the classes, and each score's figures."""
    order = np.arange(CLASSES) if half == 0 else np.random.default_rng(half).permutation(CLASSES)
    classes = [dataset.classes[c] for c in sorted(order[: CLASSES // 2])]
    config: RunConfig = settings(dataset, **changes, backbone__weights="imagenet", backbone__input_size=SIDE_PX[changes["backbone__name"]], classes=classes, train__epochs=epochs)
    run = jobs.wait(at.store, jobs.submit_run(at.store, at.workspace, config))
    if run.state != "done":
        raise RuntimeError(f"run {run.id} is {run.state}: {run.error}\n{run.traceback or ''}")
    folder = at.workspace.run(run.id)
    predictor, split, embedding = inference.load(folder), Split.load(folder / "split.npz"), load_embedding(folder)
    others = np.flatnonzero(~np.isin(dataset.labels, [dataset.classes.index(name) for name in json.loads((folder / "summary.json").read_text())["classes"]]))
    look: Callable[[Dataset, np.ndarray], Seen] = lambda of, rows: predictor.look(of.pixels(_some(rows), predictor.side_px))  # noqa: E731
    asked = Asked(look(dataset, split.val), look(dataset, split.test), look(dataset, others), look(digits, np.arange(len(digits))))
    return {"accuracy": (run.result or {})["test_accuracy"], **{name: _figures(score, asked) for name, score in _scores(embedding, predictor).items()}}


def _some(rows: np.ndarray) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ASKED)).astype(int)]


def _figures(score: Score, asked: Asked) -> dict[str, float]:
    """AUROC of known against others and against digits; shares beyond the limit of the validation pictures."""
    val, known, others, digits = (score(each) for each in asked)
    limit = np.quantile(val, PASSES, method="higher")

    def auroc(unknown: np.ndarray) -> float:
        return float(roc_auc_score(np.repeat([0, 1], [len(known), len(unknown)]), np.concatenate([known, unknown])))

    return {"auroc": auroc(others), "auroc_digits": auroc(digits), "known_pass": float((known <= limit).mean()), "others_caught": float((others > limit).mean()), "digits_caught": float((digits > limit).mean())}


def _scores(embedding: Embedding, predictor: inference.Predictor) -> dict[str, Score]:
    """Each higher the less a picture is known."""
    familiarity, head = Familiarity.of(embedding), predictor.head
    assert familiarity is not None and head is not None
    kernel, bias = head.dense[-1]

    def seen(each: Seen) -> np.ndarray:
        assert each.representations is not None
        return each.representations

    def energy(each: Seen) -> np.ndarray:
        """Liu et al. 2020, arXiv:2010.03759."""
        return -np.logaddexp.reduce(seen(each) @ kernel + bias, axis=1)

    return {
        f"distance to neighbour {NEIGHBOURS} (built in)": lambda each: familiarity.distances(seen(each)),
        "Mahalanobis distance": _mahalanobis(embedding, seen),
        "energy": energy,
        "largest probability": lambda each: -each.probabilities.max(axis=1),
    }


def _mahalanobis(embedding: Embedding, seen: Callable[[Seen], np.ndarray]) -> Score:
    """To the nearest class, in the components, with one covariance for all: Lee et al. 2018, arXiv:1807.03888."""
    vectors, labels = embedding.vectors[embedding.at("train")], embedding.labels[embedding.at("train")]
    centres = np.stack([vectors[labels == label].mean(axis=0) for label in np.unique(labels)])
    apart = vectors - centres[np.searchsorted(np.unique(labels), labels)]
    covariance = apart.T @ apart / len(apart)
    precision = np.linalg.inv(covariance + 1e-6 * np.trace(covariance) * np.eye(len(covariance)) / len(covariance))

    def score(each: Seen) -> np.ndarray:
        away = embedding.place(seen(each))[0][:, None] - centres  # (n, classes, c)
        squares: np.ndarray = np.einsum("nkc,cd,nkd->nk", away, precision, away)
        return squares.min(axis=1)

    return score
