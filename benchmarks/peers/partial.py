"""Train a new head and the top layers of a pretrained network, as the Keras guide to transfer learning does; print one JSON line.

Batch normalisation stays frozen, as Keras's example of fine-tuning an EfficientNet asks for.
Source: keras.io/guides/transfer_learning, keras.io/examples/vision/image_classification_efficientnet_fine_tuning.
"""

import time

began = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

imported = time.perf_counter()

APPLICATIONS = {"MobileNetV2": keras.applications.mobilenet_v2, "VGG16": keras.applications.vgg16}


def pictures(folder: Path, side_px: int, batch_size: int, shuffle: bool = False) -> tf.data.Dataset:
    """One folder a class; decoded and resized once, kept in memory, in another order each epoch."""
    data = keras.utils.image_dataset_from_directory(
        folder, image_size=(side_px, side_px), batch_size=None, shuffle=False, verbose=False
    ).cache()
    if shuffle:
        data = data.shuffle(data.cardinality())
    return data.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def partly_frozen_model(name: str, weights: str, last_frozen: str, side_px: int, classes: int, dropout: float) -> keras.Model:
    application = APPLICATIONS[name]
    base = getattr(application, name)(input_shape=(side_px, side_px, 3), include_top=False, weights=weights)
    base.trainable = True
    below = base.layers.index(base.get_layer(last_frozen)) + 1
    for place, layer in enumerate(base.layers):
        # Keras 3's `fit` overrides `training=False` of a nested model: only a frozen layer keeps its statistics.
        layer.trainable = place >= below and not isinstance(layer, keras.layers.BatchNormalization)
    inputs = keras.Input((side_px, side_px, 3))
    x = application.preprocess_input(inputs)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder with train/, val/ and test/, each with one folder a class")
    parser.add_argument("--backbone", choices=APPLICATIONS, default="MobileNetV2")
    parser.add_argument("--weights", default="imagenet", help="or the path of a checkpoint")
    parser.add_argument("--last-frozen", default="block_15_add", help="layer up to which nothing is trained")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--dropout", type=float, default=0.2)
    options = parser.parse_args()

    started = time.perf_counter()
    train = pictures(options.pictures / "train", options.side, options.batch, shuffle=True)
    val = pictures(options.pictures / "val", options.side, options.batch)
    test = pictures(options.pictures / "test", options.side, options.batch)
    classes = len(list((options.pictures / "train").iterdir()))
    model = partly_frozen_model(options.backbone, options.weights, options.last_frozen, options.side, classes, options.dropout)
    model.compile(
        optimizer=keras.optimizers.Adam(options.rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    built = time.perf_counter()
    model.fit(train, epochs=options.epochs, validation_data=val, verbose=0)
    fitted = time.perf_counter()
    _, accuracy = model.evaluate(test, verbose=0)
    ended = time.perf_counter()
    print(json.dumps({
        "seconds": ended - started, "import_seconds": imported - began, "test_accuracy": float(accuracy),
        "phases": {"build": built - started, "fit": fitted - built, "evaluate": ended - fitted},
    }))


if __name__ == "__main__":
    main()
