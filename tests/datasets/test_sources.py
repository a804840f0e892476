"""Datasets from each source: what is kept, what is said, and nothing half-written."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.datasets.samples import (
    digit_pixels,
    digit_png,
    pets,
    small_dataset,
    write_folder,
    write_zip,
)
from tlcore import locks
from tlcore.config import SplitConfig
from tlcore.datasets import builtin, ingest
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.sources import BUILT_IN, KNOWN, add_dataset
from tlcore.datasets.splits import make_split
from tlcore.errors import Cancelled, InputError, NotFoundError, ResourceError
from tlcore.images import to_pixels
from tlcore.reporter import NullReporter

ROOT = Path(__file__).parents[2]
CIFAR_ZIP = Path(os.environ.get("TLCORE_TEST_CIFAR_ZIP", ROOT.parent / "shared" / "data" / "cifar10-jpg.zip"))


class Recorder(NullReporter):
    """Keeps what is reported, and cancels at the n-th look."""

    def __init__(self, cancel_at: int | None = None) -> None:
        super().__init__()
        self.fractions: list[float] = []
        self.messages: list[str] = []
        self.looks, self.cancel_at = 0, cancel_at

    def progress(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)
        self.messages.append(message)

    def check(self) -> None:
        self.looks += 1
        if self.looks == self.cancel_at:
            raise Cancelled("Cancelled.")


def add(source, workspace, name=None, reporter=None) -> Dataset:
    return add_dataset(str(source), name, workspace, reporter or NullReporter())


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Dataset:
    from tlcore.workspace import Workspace

    return add("digits", Workspace(tmp_path_factory.mktemp("digits")))


def test_the_digits_are_the_real_ones(digits):
    bunch = load_digits()
    assert len(digits) == 1797 and digits.classes == tuple("0123456789")
    assert digits.labels.tolist() == bunch.target.tolist()
    # Shrunk back, the enlarged picture is the original but for smoothing.
    inner = digits.pixels(np.arange(1797), 32)[:, 4:28, 4:28, 0].astype(float)
    pixels = inner.reshape(-1, 8, 3, 8, 3).mean((2, 4))  # (n, 8, 8)
    assert np.corrcoef(pixels.ravel(), bunch.images.ravel())[0, 1] > 0.99


def test_the_textured_digits_are_another_domain_with_the_same_labels(digits, workspace):
    textured = add("digits-textures", workspace)
    assert textured.labels.tolist() == digits.labels.tolist()
    plain, colored = (d.pixels(np.arange(1797), 32).astype(float) for d in (digits, textured))
    assert np.ptp(plain, axis=3).max() == 0 and np.ptp(colored, axis=3).mean() > 20  # Grey against colour.
    assert not set(digits.content_ids) & set(textured.content_ids)
    assert len(set(textured.content_ids)) == 1797


def test_a_texture_follows_from_the_seed():
    ink = np.pad(digit_pixels()[0] / 255, 4)
    one, same, other = (builtin.textured(ink, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_dataset_opens_again_as_it_was_written(digits):
    again = Dataset.open(digits.folder)
    assert (again.id, again.name, again.classes, again.source) == (digits.id, digits.name, digits.classes, digits.source)
    assert again.report == digits.report and again.created_at == digits.created_at
    assert again.content_ids.tolist() == digits.content_ids.tolist() and len(again.content_ids[0]) == 64
    assert sorted(p.name for p in digits.folder.iterdir()) == [".unlisted", "dataset.json", "pictures.arrow"]
    assert again.image_bytes(3).startswith(b"\x89PNG") and again.image(3).mode == "RGB"
    with pytest.raises(ValueError):
        again.labels[0] = 3


def test_pixels_are_those_of_the_one_resize_in_the_order_asked(digits):
    rows = np.random.default_rng(0).permutation(1797)[:500]
    pixels = digits.pixels(rows, 40)
    assert pixels.shape == (500, 40, 40, 3) and pixels.dtype == np.uint8
    for place in (0, 129, 499):
        assert np.array_equal(pixels[place], to_pixels(digits.image(rows[place]), 40))
    assert digits.pixels(np.array([], np.int64), 40).shape == (0, 40, 40, 3)


def test_more_pixels_than_memory_are_refused_with_both_figures(digits):
    with pytest.raises(ResourceError, match=r"digits: 9,000,000 pictures at 1024 px need 28311\.6 GB of memory, and [\d.]+ GB are free"):
        digits.pixels(np.zeros(9_000_000, np.int64), 1024)


def test_a_missing_or_damaged_dataset_is_named(digits, tmp_path):
    with pytest.raises(NotFoundError, match="dataset 'nowhere' is missing"):
        Dataset.open(tmp_path / "nowhere")
    copy = shutil.copytree(digits.folder, tmp_path / "copy")
    (copy / "pictures.arrow").write_bytes(b"ARROW1 no")
    with pytest.raises(NotFoundError, match="damaged"):
        Dataset.open(copy)


def test_a_folder_and_its_zip_give_the_same_pictures(tmp_path, workspace):
    files = pets(5, 4, prefix="train/") | pets(1, 1, prefix="test/")
    from_zip = add(write_zip(tmp_path, dict(reversed(files.items()))), workspace)
    from_folder = add(write_folder(tmp_path / "pets", files), workspace)
    assert from_zip.content_ids.tolist() == from_folder.content_ids.tolist()
    assert from_zip.official.tolist() == from_folder.official.tolist()
    assert from_zip.name == from_folder.name == "pets" and from_zip.id != from_folder.id


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_links_and_pipes_in_a_folder_are_not_followed_but_counted(tmp_path, workspace):
    root = Path(write_folder(tmp_path / "pets", pets()))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(digit_png(9))
    (root / "cat" / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "bird").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "cat" / "pipe.png")
    dataset = add(root, workspace)
    assert len(dataset) == 6 and list(dataset.report.skipped.values()) == [3]


@pytest.mark.parametrize("source", ["no/such/place", "nowhere.zip", "cifar11", "", "a\0b"])
def test_an_unknown_source_is_named_with_what_there_is(source, workspace):
    with pytest.raises(InputError, match="neither a ZIP nor a folder"):
        add(source, workspace)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "\0"])
def test_a_name_that_cannot_be_shown_is_refused(name, workspace):
    with pytest.raises(InputError, match="can't be used"):
        add("digits", workspace, name=name or " ")
    assert not list(workspace.datasets.iterdir())


def test_the_report_says_what_was_noticed(tmp_path, workspace):
    from PIL import Image

    from tests.strange_pictures import saved

    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "green")]
    files = pets(30, 3) | {
        "cat/tiny.png": saved(Image.new("RGB", (1, 1)), "PNG"),
        "cat/moving.gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "dog/same.png": digit_png(0),
    }
    report = add(write_zip(tmp_path, files), workspace).report
    assert (report.kept, report.tiny, report.duplicates, report.conflicts) == (36, 1, 1, 1)
    assert report.counts == {"cat": 32, "dog": 4} and report.smallest == (1, 1) and report.largest == (24, 24)
    said = " ".join(report.sentences())
    assert "36 pictures in 2 classes" in said and "1 picture is smaller than 16 px" in said
    assert "1 picture: animated: first frame taken." in said
    assert "1 picture is in more than one class, for example 'dog/same.png' (dog) = 'cat/0.png' (cat)" in said


def test_unequal_classes_are_pointed_out(workspace):
    report = small_dataset(workspace, list(range(33)), ["a"] * 30 + ["b"] * 3).report
    assert any("'a' has 30 pictures, 'b' has 3" in sentence for sentence in report.sentences())


def test_progress_rises_to_the_end(workspace):
    reporter = Recorder()
    add("digits", workspace, reporter=reporter)
    assert reporter.fractions == sorted(reporter.fractions) and reporter.fractions[-1] == 1.0
    assert reporter.messages[-1] == "1,797 of 1,797 pictures" and len(reporter.fractions) > 10
    assert list(reporter.phases()) == ["prepare", "decode"]


@pytest.mark.parametrize("cancel_at", [1, 2, 5, "last"])
def test_cancelling_at_any_moment_leaves_nothing(cancel_at, workspace, tmp_path):
    source = write_zip(tmp_path, pets(200, 200))
    if cancel_at == "last":
        counted = Recorder()
        shutil.rmtree(add(source, workspace, reporter=counted).folder)
        cancel_at = counted.looks
    with pytest.raises(Cancelled):
        add(source, workspace, reporter=Recorder(cancel_at))
    assert not list(workspace.datasets.iterdir()) and not list(workspace.locks.iterdir())


def test_what_a_killed_import_left_is_swept_and_one_under_way_is_not(workspace):
    for left in (".adding-dead-1", ".adding-alive-2"):
        (workspace.datasets / left).mkdir()
        (workspace.datasets / left / "pictures.arrow").write_bytes(b"half")
    (workspace.locks / "adding-dead-1.lock").touch()
    lock = locks.FileLock.take(workspace.locks / "adding-alive-2.lock")
    dataset = add("digits", workspace)
    assert {p.name for p in workspace.datasets.iterdir()} == {".adding-alive-2", dataset.id}
    lock.release()


def test_a_disk_that_is_too_small_is_refused_with_both_figures(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "free_bytes", lambda folder: 10_000_000)
    with pytest.raises(ResourceError, match=r"pets.zip: needs about 0\.07 GB on disk, and 0\.01 GB are free"):
        add(write_zip(tmp_path, pets()), workspace)


def test_a_disk_that_fills_up_leaves_nothing(workspace, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ingest, "_batch", full)
    with pytest.raises(ResourceError, match="disk is full"):
        add(write_zip(tmp_path, pets()), workspace)
    assert not list(workspace.datasets.iterdir())


def test_a_large_import_is_written_in_batches(workspace, monkeypatch):
    monkeypatch.setattr(ingest, "ROWS_A_BATCH", 10)
    dataset = small_dataset(workspace, list(range(95)), ["a", "b"] * 47 + ["a"])
    assert dataset.table["image"].num_chunks == 10
    assert all(np.array_equal(dataset.pixels([i], 24)[0, ..., 0], digit_pixels()[i]) for i in (0, 10, 57, 94))


def test_known_names_do_not_hide_built_in_ones():
    assert not KNOWN & BUILT_IN.keys() and len(KNOWN) == 4


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_without_network_a_known_dataset_names_what_to_do_instead(name, workspace, tmp_path, monkeypatch):
    from tlcore.nn import known

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(known.FILES, name, [("http://127.0.0.1:9/" + file, file) for _, file in known.FILES[name]])
    with pytest.raises(ResourceError, match=rf"{name} can't be downloaded.* Connect .* or fetch .* or add the pictures as a ZIP"):
        add(name, workspace)
    assert not [p for p in (tmp_path / "keras").rglob("*") if p.is_file()]
    assert not list(workspace.datasets.iterdir())


KERAS_READS = """
import sys
from pathlib import Path
from tests.datasets.test_sources import Recorder
from tlcore.datasets.sources import add_dataset
from tlcore.nn import known
from tlcore.workspace import Workspace
known.FILES["fashion_mnist"] = [(sys.argv[1] + Path(file).name, file) for _, file in known.FILES["fashion_mnist"]]
reporter = Recorder()
dataset = add_dataset("fashion_mnist", None, Workspace(Path(sys.argv[2])), reporter)
assert reporter.fractions == sorted(reporter.fractions) and any("downloaded" in m for m in reporter.messages)
assert dataset.classes[9] == "Ankle boot" and dataset.report.official == {"train": 40, "test": 20}
assert dataset.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
print("read", len(dataset))
"""


def test_a_known_dataset_is_downloaded_with_progress_and_read_by_keras(tmp_path):
    """Real digits in Fashion-MNIST's file format, from a server of our own."""
    import functools
    import gzip
    import http.server
    import struct

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    images = np.pad(digit_pixels(), ((0, 0), (2, 2), (2, 2)))  # 28 px.
    labels = load_digits().target.astype(np.uint8)
    for part, rows in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
        count = rows.stop - rows.start
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(struct.pack(">4L", 2051, count, 28, 28) + images[rows].tobytes()))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">2L", 2049, count) + labels[rows].tobytes()))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "keras"), "KERAS_BACKEND": "openvino", "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", KERAS_READS, f"http://127.0.0.1:{server.server_port}/", str(tmp_path / "workspace")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    server.shutdown()
    assert done.stdout.strip().endswith("read 60"), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not CIFAR_ZIP.exists(), reason=f"{CIFAR_ZIP} is not here")
def test_sixty_thousand_pictures_are_added_in_a_minute(workspace):
    reporter, started = Recorder(), time.perf_counter()
    dataset = add(CIFAR_ZIP, workspace, reporter=reporter)
    seconds = time.perf_counter() - started
    assert seconds < 60
    assert len(dataset) == 60_000 and dataset.report.official == {"train": 50_000, "test": 10_000}
    assert sum(1 for p in workspace.root.rglob("*") if p.is_file()) == 3
    assert len(reporter.fractions) > 500
    assert make_split(dataset, None, SplitConfig()).counts()["test"].tolist() == [1000] * 10
