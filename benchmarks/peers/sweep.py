"""Try heads and learning rates on a frozen MobileNetV2 with KerasTuner's random search, and print one JSON line.

The pictures are decoded once and the frozen network is built once for all trials.
Source: keras.io/guides/keras_tuner/getting_started and keras.io/guides/transfer_learning.
"""

import time

began = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import keras_tuner  # noqa: E402
import tensorflow as tf  # noqa: E402

imported = time.perf_counter()


def pictures(folder: Path, side_px: int, batch_size: int, shuffle: bool = False) -> tf.data.Dataset:
    """One folder a class; decoded and resized once, kept in memory, in another order each epoch."""
    data = keras.utils.image_dataset_from_directory(
        folder, image_size=(side_px, side_px), batch_size=None, shuffle=False, verbose=False
    ).cache()
    if shuffle:
        data = data.shuffle(data.cardinality())
    return data.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def search_of(base: keras.Model, side_px: int, classes: int, heads: list[str], rates: list[float], dropout: float):
    """A function that builds one trial's model; a head is written as its hidden units: "256-64", "" for none."""

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        inputs = keras.Input((side_px, side_px, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        x = base(x, training=False)
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dropout(dropout)(x)
        for units in hp.Choice("head", heads).split("-"):
            if units:
                x = keras.layers.Dense(int(units), activation="relu")(x)
                x = keras.layers.Dropout(dropout)(x)
        model = keras.Model(inputs, keras.layers.Dense(classes)(x))
        model.compile(
            optimizer=keras.optimizers.Adam(hp.Choice("rate", rates)),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model

    return build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder with train/, val/ and test/, each with one folder a class")
    parser.add_argument("--weights", default="imagenet", help="or the path of a checkpoint")
    parser.add_argument("--heads", default=",64,256,256-64", help="comma-separated; hidden units of each, empty for none")
    parser.add_argument("--rates", default="0.0001,0.001,0.01", help="comma-separated learning rates")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.2)
    options = parser.parse_args()
    heads, rates = options.heads.split(","), [float(rate) for rate in options.rates.split(",")]

    started = time.perf_counter()
    train = pictures(options.pictures / "train", options.side, options.batch, shuffle=True)
    val = pictures(options.pictures / "val", options.side, options.batch)
    test = pictures(options.pictures / "test", options.side, options.batch)
    classes = len(list((options.pictures / "train").iterdir()))
    base = keras.applications.MobileNetV2(
        input_shape=(options.side, options.side, 3), include_top=False, weights=options.weights
    )
    base.trainable = False
    build = search_of(base, options.side, classes, heads, rates, options.dropout)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(build, "val_accuracy", max_trials=options.trials, seed=0, directory=folder)
        tuner.search(train, epochs=options.epochs, validation_data=val, verbose=0)
        searched = time.perf_counter()
        _, accuracy = tuner.get_best_models()[0].evaluate(test, verbose=0)
        ended = time.perf_counter()
    trials = [trial.hyperparameters.values for trial in tuner.oracle.get_best_trials(options.trials)]
    print(json.dumps({
        "seconds": ended - started, "import_seconds": imported - began, "test_accuracy": float(accuracy),
        "trials": trials, "phases": {"search": searched - started, "evaluate": ended - searched},
    }))


if __name__ == "__main__":
    main()
