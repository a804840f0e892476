"""Well-known datasets as Keras reads them, downloaded before with progress and a way to stop."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tlcore.errors import ResourceError
from tlcore.weights import keras_home
from tlcore.workspace import whole_file

if TYPE_CHECKING:
    from tlcore.reporter import Reporter

DOWNLOAD_SHARE = 0.5  # Of the whole job's progress.
TIMEOUT_S = 20
_PORTION_BYTES = 1 << 18

_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
# Address, and the name under `$KERAS_HOME/datasets` at which Keras looks before it downloads.
# Keras compares the hashes of all but Fashion-MNIST's files, which have none.
FILES = {
    "mnist": [(_STORAGE + "mnist.npz", "mnist.npz")],
    "fashion_mnist": [
        (_STORAGE + file, f"fashion-mnist/{file}")
        for part in ("train", "t10k")
        for file in (f"{part}-labels-idx1-ubyte.gz", f"{part}-images-idx3-ubyte.gz")
    ],
    "cifar10": [(_TORONTO + "cifar-10-python.tar.gz", "cifar-10-batches-py-target_archive")],
    "cifar100": [(_TORONTO + "cifar-100-python.tar.gz", "cifar-100-python-target_archive")],
}
_DIGITS = tuple(str(digit) for digit in range(10))
_CIFAR100 = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
    "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
    "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster "
    "man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck "
    "pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk "
    "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger "
    "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)
CLASSES = {
    "mnist": _DIGITS,
    "fashion_mnist": ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "cifar100": tuple(_CIFAR100.split()),
}


class Known(NamedTuple):
    """Pictures, uint8 (n, height, width[, 3]), and labels, int (n,), in Keras's own division."""

    classes: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load(name: str, reporter: Reporter) -> Known:
    """Download what Keras hasn't here yet, then read it with Keras.

    Raises: ResourceError that names what to do instead when there is no network.
    """
    for file, (address, place) in enumerate(FILES[name]):
        target = keras_datasets() / place
        if not target.exists():
            share = DOWNLOAD_SHARE / len(FILES[name])
            _download(name, address, target, file * share, share, reporter)
        reporter.check()
    reporter.progress(DOWNLOAD_SHARE, "reading")
    import keras  # Seconds; and nothing else in an import needs it.

    (train_x, train_y), (test_x, test_y) = getattr(keras.datasets, name).load_data()
    return Known(CLASSES[name], (train_x, train_y.reshape(-1)), (test_x, test_y.reshape(-1)))


def keras_datasets() -> Path:
    """The folder in which Keras keeps datasets."""
    return keras_home() / "datasets"


def _download(name: str, address: str, target: Path, begun: float, share: float, reporter: Reporter) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as response, whole_file(target) as temporary:
            total = int(response.headers.get("Content-Length") or 0)
            done = 0
            with temporary.open("wb") as out:
                while portion := response.read(_PORTION_BYTES):
                    out.write(portion)
                    done += len(portion)
                    reporter.check()
                    reporter.progress(begun + share * (done / total if total else 0), f"downloaded {done / 1e6:.0f} MB" + (f" of {total / 1e6:.0f}" if total else ""))
            if total and done < total:
                raise http.client.IncompleteRead(b"", total - done)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        host = address.split("/")[2]
        raise ResourceError(
            f"{name} can't be downloaded: no answer from {host}. Connect this machine to the network; or fetch {address} elsewhere "
            f"and save it here as {target}; or add the pictures as a ZIP with one folder a class."
        ) from error
