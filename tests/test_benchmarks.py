"""The measurements: their arithmetic by hand-worked numbers, and the peers' scripts on a few pictures."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.__main__ import BENCHMARKS, WITH_MATERIAL
from benchmarks.figures import accuracy_check, comparison, exponent, medians, table
from benchmarks.workbench import Material, bench
from tlcore.errors import InputError, ResourceError

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"


def test_the_names_that_the_targets_are_given_for():
    assert {"start", "frozen-cold", "frozen-warm", "partial", "sweep", "extract", "growth"} <= {*BENCHMARKS, *WITH_MATERIAL}


def test_the_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians():
    found = comparison(ours_s=[1.0, 2.0, 4.0], peer_s=[12.0, 40.0, 20.0], target=12.0)
    assert (found["ratio"], found["ratios"], found["reached"]) == (12.0, [12.0, 20.0, 5.0], True)
    assert not comparison([1.0], [11.9], 12.0)["reached"]


def test_accuracies_are_equal_within_two_standard_errors_of_their_difference():
    # sqrt(2 · 0.5 · 0.5 / 200) = 0.05; twice that is allowed.
    found = accuracy_check([0.5], [0.5], 200)
    assert found["allowed_difference"] == 0.1 and found["same_accuracy"]
    assert not accuracy_check([0.44], [0.56], 200)["same_accuracy"]
    assert accuracy_check([0.44, 0.50], [0.56, 0.50], 200)["same_accuracy"]  # Means differ by 0.06.


def test_a_phase_that_a_round_lacks_counts_as_nothing():
    assert medians([{"features": 3.0, "train": 1.0}, {"features": 2.0}, {"features": 9.0}]) == {"features": 3.0, "train": 0.0}


def test_the_exponent_is_that_of_a_power_law():
    pictures = [1000, 2000, 4000]
    assert exponent(pictures, [2.0, 4.0, 8.0]) == pytest.approx(1.0)
    assert exponent(pictures, [1.0, 4.0, 16.0]) == pytest.approx(2.0)
    assert exponent(pictures, [5.0, 5.0, 5.0]) == pytest.approx(0.0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """What the real archive looks like inside, with 6 noisy pictures of each of 10 classes."""
    path, rng = tmp_path_factory.mktemp("material") / "small.zip", np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as file:
        for label in range(10):
            for number in range(6):
                pixels = np.clip(rng.normal(20 * label + 30, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
                with file.open(f"CIFAR/train/class{label}/{number:04d}.jpg", "w") as out:
                    Image.fromarray(pixels).save(out, "JPEG")
            file.writestr(f"CIFAR/test/class{label}/0000.jpg", b"not taken")
    return path


def test_pictures_are_the_first_of_each_class_of_the_training_part(archive, tmp_path):
    folder = Material(archive).extract(40, tmp_path / "out")
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.jpg")) == [
        f"class{label}/{number:04d}.jpg" for label in range(10) for number in range(4)
    ]


def test_an_archive_that_is_missing_or_too_small_is_named_with_the_remedy(archive, tmp_path):
    with pytest.raises(ResourceError, match=r"nowhere\.zip: isn't there\. Give --data"):
        Material(tmp_path / "nowhere.zip").extract(40, tmp_path / "out")
    with pytest.raises(InputError, match=r"small\.zip: needs train/ with 10 folders of 7 pictures or more"):
        Material(archive).extract(70, tmp_path / "out")


@pytest.fixture(scope="module")
def files(archive, tmp_path_factory) -> Path:
    with bench(Material(archive)) as place:
        dataset = place.add_pictures(60)
        yield place.files_of(dataset)


def test_the_peer_gets_the_same_division_as_plain_files(files):
    counted = {part.name: len(list(part.rglob("*.jpg"))) for part in files.iterdir()}
    assert counted == {"train": 40, "val": 10, "test": 10}  # Of 6 a class: 1.2 tested, 0.6 validate, both rounded.


def test_no_peer_knows_this_project():
    for path in PEERS.glob("*.py"):
        assert not any(word in path.read_text() for word in ("tlcore", "from benchmarks", "import benchmarks")), path.name


def peer(name: str, *words: object) -> dict:
    done = subprocess.run([sys.executable, PEERS / f"{name}.py", *map(str, words)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory) -> dict[str, Path]:
    """ImageNet's checkpoints are not always here, and accuracy is not the matter."""
    import keras

    folder = tmp_path_factory.mktemp("weights")
    paths = {name: folder / f"{name}.weights.h5" for name in ("MobileNetV2", "VGG16")}
    for name, path in paths.items():
        getattr(keras.applications, name)(input_shape=(32, 32, 3), include_top=False, weights=None).save_weights(path)
    return paths


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "backbone", "words"),
    [
        ("frozen", "MobileNetV2", []),
        ("partial", "MobileNetV2", ["--backbone=MobileNetV2", "--last-frozen=block_15_add"]),
        ("partial", "VGG16", ["--backbone=VGG16", "--last-frozen=block4_pool"]),
    ],
)
def test_a_peer_trains_and_prints_its_figures(name, backbone, words, files, random_weights):
    found = peer(name, files, f"--weights={random_weights[backbone]}", "--side=32", "--epochs=1", "--batch=16", *words)
    assert set(found) == {"seconds", "import_seconds", "test_accuracy", "phases"}
    assert set(found["phases"]) == {"build", "fit", "evaluate"} and 0 <= found["test_accuracy"] <= 1
    assert found["seconds"] == pytest.approx(sum(found["phases"].values()))


@pytest.mark.slow
def test_the_sweeps_peer_tells_which_settings_it_tried(files, random_weights):
    pytest.importorskip("keras_tuner")
    found = peer(
        "sweep", files, f"--weights={random_weights['MobileNetV2']}", "--heads=,8-4", "--rates=0.001,0.01", "--trials=2", "--side=32", "--epochs=1", "--batch=16"
    )
    assert set(found) == {"seconds", "import_seconds", "test_accuracy", "trials", "phases"}
    assert len({(trial["head"], trial["rate"]) for trial in found["trials"]}) == 2
    assert all(trial["head"] in ("", "8-4") and trial["rate"] in (0.001, 0.01) for trial in found["trials"])


def test_bare_openvino_computes_every_picture(tmp_path):
    import openvino as ov
    from openvino import opset13 as ops

    from benchmarks.peers.bare_openvino import Bare

    pixels = ops.parameter([-1, 8, 8, 3], np.uint8, name="pixels")
    mean = ops.reduce_mean(ops.convert(pixels, "f32"), ops.constant([1, 2]), keep_dims=False)
    ov.save_model(ov.Model([mean], [pixels], "means"), tmp_path / "means.xml")
    given = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "pixels.npz", pixels=given)
    found = peer("bare_openvino", tmp_path / "means.xml", tmp_path / "pixels.npz", "--batch=4")
    assert found["pictures"] == 12 and found["pictures_per_second"] == pytest.approx(12 / found["seconds"])
    _, rows = Bare(tmp_path / "means.xml", 4).timed(given)
    np.testing.assert_allclose(rows, given.mean((1, 2)), rtol=1e-5)


def test_every_tab_of_a_run_and_of_a_comparison_is_a_page_that_is_measured():
    from benchmarks.pages import pages_of
    from pages.ui import comparison, run_tabs

    measured = pages_of(tuple(range(7, 20)))
    assert {f"run, {tab}" for tab in run_tabs.TABS} | {f"Compare eight, {tab}" for tab in comparison.TABS} <= set(measured)
    assert measured["run, Files"] == "runs?run=7&tab=Files" and measured["Compare two, Pairs"] == "compare?runs=7,8&tab=Pairs"


def test_figures_of_several_pages_stand_in_columns():
    assert table({"Home": {"ms": 5.0, "bytes": 1200}, "Train": {"ms": 50.5}}) == "         ms  bytes\nHome    5.0  1,200\nTrain  50.5       "
