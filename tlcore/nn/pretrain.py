"""Train the bundled backbone from scratch: one readable recipe, resumable at every epoch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from tlcore.datasets.dataset import Dataset
from tlcore.errors import InputError
from tlcore.nn.resnet import ResNet20
from tlcore.workspace import whole_file

SIDE_PX = 32


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Hyperparameters of the pretraining; the card of the weights repeats them.

    Source: one-cycle schedule, Smith & Topin 2018, "Super-Convergence"; padded random crops
    and flips, He et al. 2016, section 4.2.
    """

    epochs: int = 16
    batch_size: int = 128
    peak_learning_rate: float = 0.2
    warmup_fraction: float = 0.25
    momentum: float = 0.9
    weight_decay: float = 5e-4
    pad_px: int = 4
    seed: int = 0


@keras.saving.register_keras_serializable(package="tlcore")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate by step: linear from peak/25 up to the peak, then linear down to zero."""

    def __init__(self, peak: float, total_steps: int, warmup_fraction: float):
        self.peak, self.total_steps, self.warmup_fraction = peak, total_steps, warmup_fraction

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        warmup = self.total_steps * self.warmup_fraction
        up = self.peak * (0.04 + 0.96 * step / warmup)
        down = self.peak * (self.total_steps - step) / (self.total_steps - warmup)
        return keras.ops.maximum(keras.ops.minimum(up, down), 0.0)

    def get_config(self):
        return {"peak": self.peak, "total_steps": self.total_steps,
                "warmup_fraction": self.warmup_fraction}


def augmented_batches(
    images: np.ndarray, labels: np.ndarray, recipe: Recipe, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield shuffled, randomly cropped and flipped batches; the order depends on (seed, epoch) only.

    Shapes: images (n, side, side, 3) uint8 in; batches (b, side, side, 3) float32 in [-1, 1].
    """
    rng = np.random.default_rng((recipe.seed, epoch))
    side, pad = images.shape[1], recipe.pad_px
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    order = rng.permutation(len(images))
    for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
        rows = order[start : start + recipe.batch_size]
        top, left = rng.integers(0, 2 * pad + 1, (2, len(rows)))
        flip = rng.random(len(rows)) < 0.5
        batch = np.empty((len(rows), side, side, 3), np.uint8)
        for i, row in enumerate(rows):
            crop = padded[row, top[i] : top[i] + side, left[i] : left[i] + side]
            batch[i] = crop[:, ::-1] if flip[i] else crop
        yield to_input(batch), labels[rows]


def to_input(images: np.ndarray) -> np.ndarray:
    """Scale uint8 pixels 0..255 to float32 in [-1, 1], as the backbone's preprocessing does."""
    return images.astype(np.float32) / 127.5 - 1.0


def pretrain(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    recipe: Recipe,
    folder: Path,
    report: Callable[[dict], None] = lambda row: None,
) -> keras.Model:
    """Train ResNet-20 with its classifier and return it; goes on where `folder` says.

    Shapes: images (n, 32, 32, 3) uint8, labels (n,) int. The test pictures are only reported
    on, after each epoch; nothing is selected by them: the last epoch's weights are returned.
    """
    steps = len(images) // recipe.batch_size
    history = _history(folder)
    if history:
        model = keras.models.load_model(_checkpoint(folder, len(history)))
    else:
        model = _build(recipe, steps, int(labels.max()) + 1, images.shape[1:])
    for epoch in range(len(history), recipe.epochs):
        began = time.perf_counter()
        model.reset_metrics()  # train_on_batch reports means since the last reset
        losses = [
            model.train_on_batch(x, y, return_dict=True)
            for x, y in augmented_batches(images, labels, recipe, epoch)
        ]
        correct = model.predict(to_input(test_images), batch_size=500, verbose=0).argmax(1) == test_labels
        history.append({
            "epoch": epoch + 1,
            "loss": float(losses[-1]["loss"]),
            "train_accuracy": float(losses[-1]["accuracy"]),
            "test_accuracy": float(correct.mean()),
            "seconds": time.perf_counter() - began,
        })
        _commit(model, folder, history)
        report(history[-1])
    return model


def pretrain_dataset(
    dataset: Dataset, recipe: Recipe, output: Path, report: Callable[[dict], None] = lambda row: None
) -> dict:
    """Pretrain on a dataset's official training pictures; write checkpoint, weights and card to `output`.

    Returns the card. Raises InputError where the dataset has no official test pictures.
    """
    test_rows = np.flatnonzero(dataset.official == "test")
    train_rows = np.flatnonzero(dataset.official != "test")
    if not len(test_rows) or not len(train_rows):
        raise InputError(
            f"{dataset.name}: pretraining needs official train and test pictures. "
            "Add a dataset with train/ and test/ folders, such as cifar10."
        )
    model = pretrain(
        dataset.pixels(train_rows, SIDE_PX), dataset.labels[train_rows],
        dataset.pixels(test_rows, SIDE_PX), dataset.labels[test_rows],
        recipe, output, report,
    )
    weights = save_trunk(model, output / f"resnet20_{dataset.name}.weights.h5")
    return write_card(model, weights, recipe, dataset, _history(output))


def write_card(model: keras.Model, weights: Path, recipe: Recipe, dataset: Dataset, history: list[dict]) -> dict:
    """Write what the weights are, how they came to be and how good they are, beside them."""
    card = {
        "architecture": "ResNet-20 (He et al. 2016, section 4.2), trunk without classifier",
        "input": f"{SIDE_PX} x {SIDE_PX} x 3, scaled to [-1, 1]",
        "parameters": model.count_params(),
        "trained_on": f"{dataset.name}: official training pictures, classes {', '.join(dataset.classes)}",
        "test_accuracy": history[-1]["test_accuracy"],
        "recipe": dataclasses.asdict(recipe),
        "history": history,
        "command": f"python -m tlcore pretrain {dataset.name} --epochs {recipe.epochs}",
        "licence": "Apache-2.0",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    weights.with_name(weights.name.removesuffix(".weights.h5") + ".json").write_text(json.dumps(card, indent=2) + "\n")
    return card


def save_trunk(model: keras.Model, path: Path) -> Path:
    """Write the weights without the classifier, for `ResNet20(weights=path)`."""
    trunk = ResNet20(input_shape=model.input_shape[1:])
    for layer in trunk.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    trunk.save_weights(path)
    return path


def _history(folder: Path) -> list[dict]:
    file = folder / "history.json"
    return json.loads(file.read_text()) if file.exists() else []


def _checkpoint(folder: Path, epoch: int) -> Path:
    return folder / f"checkpoint-{epoch:03}.keras"


def _build(recipe: Recipe, steps: int, classes: int, shape: tuple[int, ...]) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed)
    model = ResNet20(include_top=True, input_shape=shape, classes=classes)
    schedule = OneCycle(recipe.peak_learning_rate, steps * recipe.epochs, recipe.warmup_fraction)
    model.compile(
        keras.optimizers.SGD(schedule, momentum=recipe.momentum, nesterov=True,
                             weight_decay=recipe.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _commit(model: keras.Model, folder: Path, history: list[dict]) -> None:
    """The history names the checkpoint that counts, so it is replaced last."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = _checkpoint(folder, len(history))
    model.save(checkpoint)
    with whole_file(folder / "history.json") as temporary:
        temporary.write_text(json.dumps(history, indent=2))
    for old in folder.glob("checkpoint-*.keras"):
        if old != checkpoint:
            old.unlink()
