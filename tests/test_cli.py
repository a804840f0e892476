"""The command line as a person uses it: real processes, a real workspace, one JSON document."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from benchmarks.workbench import stop_supervisor
from tlcore.cli import build_parser, main
from tlcore.datasets.dataset import Dataset
from tlcore.exports import FORMATS, MOST_DIFFERENCE, kind_of
from tlcore.nn.exporting import asking, making
from tlcore.reporter import NullReporter
from tlcore.results import load_predictions
from tlcore.store import Store
from tlcore.workspace import Workspace

ROOT = Path(__file__).parents[1]


class Asked(NamedTuple):
    """A run, pictures, and what the run's own evaluation says of them."""

    run: int
    files: list[Path]
    pixels: np.ndarray
    stored: np.ndarray
    classes: list[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace shared by this module's commands; its background processes end with it."""
    root = tmp_path_factory.mktemp("cli")
    yield root
    stop_supervisor(Workspace(root))


def tlcore(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tlcore", *map(str, words)],
        cwd=ROOT, env={**os.environ, "TLCORE_HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
    )


def document(home: Path, *words: str) -> dict:
    done = tlcore(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def demonstration(home) -> dict:
    return document(home, "demo")


def test_the_demonstration_learns_the_digits(demonstration):
    assert demonstration["status"] == "done"
    assert demonstration["test_accuracy"] >= 0.93
    assert demonstration["test_macro_f1"] >= 0.93
    assert demonstration["epochs"] >= 1
    assert demonstration["seconds"] > 0
    assert {"features", "train", "evaluate"} <= set(demonstration["phases"])


def test_a_run_can_be_listed_and_shown(home, demonstration):
    assert demonstration["run"] in [run["run"] for run in document(home, "runs", "list")["runs"]]
    shown = document(home, "runs", "show", str(demonstration["run"]))
    assert len(shown["history"]) == demonstration["epochs"]
    assert shown["test_accuracy"] == demonstration["test_accuracy"]


def test_a_configuration_with_changes_trains_compares_and_predicts(home, demonstration, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("dataset: digits\nclasses: ['1', '7']\ntrain: {epochs: 3}\n")
    first = document(home, "train", str(config), "--wait")
    other = document(home, "train", str(config), "--set", "optimizer.learning_rate=0.01", "--wait")
    assert first["forecast"]["pictures"] == first["train_images"] + first["val_images"] + first["test_images"]
    rows = document(home, "runs", "show", str(first["run"]))["predicted_against_actual"]
    assert {row["phase"]: row["actual"] for row in rows if row["phase"] != "start"} == first["phases"]
    queued = tlcore(home, "train", str(config))
    assert queued.stdout.startswith("run ") and "pictures are stored already; memory" in queued.stdout

    compared = document(home, "compare", str(first["run"]), str(other["run"]))
    assert [row["run"] for row in compared["runs"]] == [first["run"], other["run"]]
    assert [row["setting"] for row in compared["settings_that_differ"]] == ["optimizer.learning_rate"]

    refused = tlcore(home, "compare", str(first["run"]), str(demonstration["run"]))
    assert refused.returncode == 2
    assert "other pictures" in refused.stderr

    picture = tmp_path / "grey.png"
    Image.new("RGB", (40, 30), "grey").save(picture)
    predicted = document(home, "predict", str(first["run"]), str(picture))["predictions"]
    assert sum(predicted[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_a_model_is_exported_as_a_keras_file_that_gives_the_same_answer(home, demonstration, tmp_path):
    picture, file = tmp_path / "grey.png", tmp_path / "digits.keras"
    Image.new("RGB", (32, 32), (90, 200, 40)).save(picture)
    exported = document(home, "export", str(demonstration["run"]), "-o", str(file))
    assert exported["file"] == str(file) and exported["bytes"] > file.stat().st_size > 100_000
    answer = document(home, "predict", str(demonstration["run"]), str(picture))["predictions"][0]["probabilities"]
    code = (
        "import json, sys, keras, numpy as np; from PIL import Image;"
        "model = keras.models.load_model(sys.argv[1]); print(json.dumps(model(np.asarray(Image.open(sys.argv[2]))[None]).numpy()[0].tolist()))"
    )
    done = subprocess.run([sys.executable, "-c", code, file, picture], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx([answer[name] for name in demonstration["classes"]], abs=1e-4)
    refused = tlcore(home, "export", str(demonstration["run"]), "-o", str(tmp_path / "absent" / "x.keras"))
    assert refused.returncode == 2 and "x.keras: can't be written" in refused.stderr


def test_a_name_that_belongs_to_the_weights_is_refused_before_anything_is_made(home, demonstration, tmp_path):
    refused = tlcore(home, "export", str(demonstration["run"]), "--format", "openvino", "-o", str(tmp_path / "net.bin"))
    assert refused.returncode == 2 and f"such as {tmp_path / 'net.xml'}." in refused.stderr and not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def tuned(home, demonstration, tmp_path_factory) -> dict:
    """The top block learns, on feature maps that go on from stored ones: for learning both are rounded to float16."""
    config = tmp_path_factory.mktemp("tuned") / "run.yaml"
    config.write_text("dataset: digits\nsplit: {train_fraction: 0.3}\ntrain: {epochs: 2}\noptimizer: {learning_rate: 0.003}\n")
    first, second = (document(home, "train", str(config), "--set", f"freeze.trainable_blocks={blocks}", "--wait") for blocks in (2, 1))
    assert first["cache"]["via"] is None and second["cache"]["via"] is not None
    return second


@pytest.fixture(scope="module", params=["demonstration", "tuned"])
def asked(home, request, tmp_path_factory) -> Asked:
    """A hundred test pictures as files."""
    workspace, run = Workspace(home), request.getfixturevalue(request.param)["run"]
    stored = load_predictions(workspace.run(run), "test")
    stored = stored.take(making.evenly(len(stored), 100))
    dataset, folder = Dataset.open(workspace.dataset(Store.open(workspace).dataset("digits").id)), tmp_path_factory.mktemp("pictures")
    files = [folder / f"{row}.png" for row in stored.rows]
    for file, row in zip(files, stored.rows, strict=True):
        file.write_bytes(dataset.image_bytes(int(row)))
    return Asked(run, files, dataset.pixels(stored.rows, 32), stored.probabilities, list(stored.classes))


def test_one_picture_gets_one_answer_in_the_evaluation_from_the_command_and_from_the_service(home, asked):
    rows = document(home, "predict", str(asked.run), *map(str, asked.files))["predictions"]
    np.testing.assert_allclose([[row["probabilities"][name] for name in asked.classes] for row in rows], asked.stored, atol=MOST_DIFFERENCE)
    command = [sys.executable, "-m", "tlcore", "serve", str(asked.run), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TLCORE_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as service:
        try:
            address = re.search(r"http://\S+/predict", service.stderr.readline())[0]
            for file, row in zip(asked.files[::4], rows[::4], strict=True):  # Each takes a process that decodes it.
                with urllib.request.urlopen(address, file.read_bytes(), timeout=60) as answer:
                    said = json.load(answer)
                assert said["probabilities"] == pytest.approx(row["probabilities"], abs=1e-6) and said["possible"] == row["possible"]
        finally:
            service.send_signal(signal.SIGINT)
            told = service.communicate(timeout=30)
    assert service.returncode == 0 and told == ("ended\n", ""), "Ctrl-C ends it without a traceback"


def test_a_service_that_cannot_listen_says_why(home, demonstration):
    run = str(demonstration["run"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options, said in ((("--port", str(taken.getsockname()[1])), "Give another port"), (("--host", "0.0.0.0"), "TLCORE_ALLOW_REMOTE=1"), (("--port", "70000"), "between 0 and 65535")):
            done = tlcore(home, "serve", run, *options)
            assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_one_picture_gets_one_answer_in_the_evaluation_and_from_every_exported_file(home, asked, name):
    kind = kind_of(name)
    document(home, "export", str(asked.run), "--format", name)
    found = asking.ask(kind, kind.folder(Workspace(home).run(asked.run)), asked.pixels, NullReporter())
    np.testing.assert_allclose(found.probabilities, asked.stored, atol=MOST_DIFFERENCE)


def test_a_bad_picture_gets_a_sentence_and_the_good_one_an_answer(home, demonstration, tmp_path):
    Image.new("RGB", (40, 30), "grey").save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"not a picture")
    done = tlcore(home, "predict", str(demonstration["run"]), tmp_path / "good.png", tmp_path / "bad.jpg", "--json")
    assert done.returncode == 2
    good, bad = json.loads(done.stdout)["predictions"]
    assert "class" in good
    assert "bad.jpg" in bad["error"]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_shift_between_domains_is_measured_once(home, demonstration):
    document(home, "data", "add", "digits-textures")
    found = document(home, "shift", "--source", "digits", "--target", "digits-textures", "--classes", "1", "7")
    assert found["score"] > 1.3 and found["backbone"] == "ResNet20" and found["source_pictures"] > 200
    again = tlcore(home, "shift", "--source", "digits", "--target", "digits-textures", "--classes", "1", "7")
    assert again.stdout.startswith(f"{found['score']:.2f} of 2") and found["meaning"] in again.stdout
    for wrong, said in ((("--source", "digits", "--target", "absent"), "absent"), (("--source", "digits", "--target", "digits", "--classes", "1"), "two or more")):
        refused = tlcore(home, "shift", *wrong)
        assert refused.returncode == 2 and said in refused.stderr and "Traceback" not in refused.stderr


def test_a_folder_becomes_a_dataset(home, tmp_path):
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        for i in range(12):
            path = tmp_path / "pets" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20 + i, 20), colour).save(path)
    added = document(home, "data", "add", str(tmp_path / "pets"), "--name", "colours")
    assert added["count"] == 24
    assert sorted(added["classes"]) == ["blue", "red"]
    assert "colours" in [d["name"] for d in document(home, "data", "list")["datasets"]]
    assert document(home, "data", "show", "colours")["report"]


def test_the_cache_is_listed_bounded_and_emptied(home, demonstration):
    give_up_at, held = time.monotonic() + 30, document(home, "cache")
    while any(entry["in_use"] for entry in held["entries"]) and time.monotonic() < give_up_at:
        time.sleep(0.2)  # A run is done a moment before its process ends.
        held = document(home, "cache")
    name = "ResNet20 · 32 px · feature maps of the last block"
    entry, exact = (next(entry for entry in held["entries"] if entry["name"] == each) for each in (name, f"{name} in float32"))
    assert (entry["pictures"], exact["pictures"]) == (1259, 179 + 359) and not entry["in_use"] and not exact["in_use"]
    assert 0 < entry["bytes"] < held["bytes"] < held["budget_bytes"] and held["budget_from"] == "default"
    assert document(home, "cache", "budget", "20GB") == {"budget_bytes": 20 * 10**9, "budget_from": "setting"}
    assert "of 20 GB (set in this workspace)" in tlcore(home, "cache").stdout
    lowered = tlcore(home, "cache", "budget", "1MB").stdout
    assert "Removed " in lowered and "The cache may take 1.0 MB" in lowered
    assert document(home, "cache", "budget", "default")["budget_from"] == "default"
    assert document(home, "cache", "clear")["kept_bytes"] == 0
    # A worker that gets ready meanwhile converts the bundled network again.
    assert not any(entry["pictures"] for entry in document(home, "cache")["entries"])


def test_backbones_are_listed(home):
    names = {row["name"] for row in document(home, "backbones")["backbones"]}
    assert {"ResNet20", "VGG16", "MobileNetV2", "ConvNeXtTiny"} <= names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runs", "show", "9999"), "9999"),
        (("runs", "show", "9" * 25), "not found"),
        (("data", "show", "absent"), "absent"),
        (("data", "add", "/nowhere/pets.zip"), "pets.zip"),
        (("train", "absent.yaml"), "absent.yaml"),
        (("predict", "9999", "x.png"), "9999"),
        (("export", "9999"), "9999"),
        (("compare", "9999"), "9999"),
        (("weights", "add", "absent.npz"), "--backbone"),
        (("weights", "add", "absent.npz", "--backbone", "ResNet20"), "absent.npz: not found"),
        (("weights", "add", "--run", "9999"), "9999"),
        (("weights", "add"), "either a file or --run"),
        (("weights", "delete", "absent"), "absent"),
        (("cache", "budget", "much"), "no size"),
        (("cache", "budget", "0GB"), "between 1 MB"),
    ],
)
def test_a_mistake_gets_status_2_and_one_sentence(home, monkeypatch, capsys, words, said):
    monkeypatch.setenv("TLCORE_HOME", str(home))
    assert main(words) == 2
    told = capsys.readouterr()
    assert said in told.err and "Traceback" not in told.err
    assert told.out == ""


def test_a_mistake_ends_the_process_with_status_2(home):
    done = tlcore(home, "runs", "show", "9999")
    assert (done.returncode, done.stdout) == (2, "") and "9999" in done.stderr and "Traceback" not in done.stderr


def test_wrong_settings_are_refused_before_anything_is_queued(home, demonstration, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TLCORE_HOME", str(home))
    config = tmp_path / "run.yaml"
    config.write_text("dataset: digits\n")
    before = Store.open(Workspace(home)).count()
    for change in ("train.epochs=0", "backbone.name=ResNet21", "freeze.trainable_blocks=99", "classes=[one,seven]", "dataset=absent"):
        assert main(["train", str(config), "--set", change]) == 2, change
        assert capsys.readouterr().out == ""
    assert Store.open(Workspace(home)).count() == before


@pytest.mark.slow
def test_weights_are_added_from_a_file_and_a_run_used_listed_and_deleted(home, demonstration, tmp_path):
    added = document(home, "weights", "add", ROOT / "tlcore/assets/resnet20_cifar10.weights.h5", "--backbone", "ResNet20", "--name", "mine", "--trained-on", "CIFAR-10")
    assert (added["name"], len(added["report"]["loaded"]), added["report"]["missing"]) == ("mine", 42, [])
    config = tmp_path / "run.yaml"
    config.write_text(f"dataset: digits\nclasses: ['1', '7']\ntrain: {{epochs: 1}}\nbackbone: {{weights: run, run: {demonstration['run']}}}\n")
    chained = document(home, "train", config, "--wait")
    assert chained["status"] == "done" and chained["weights_file"] == f"weight set 'run {demonstration['run']}'"
    listed = {each["name"]: each for each in document(home, "weights")["weight_sets"]}
    assert set(listed) == {"mine", f"run {demonstration['run']}"}
    assert [each["what"] for each in listed[f"run {demonstration['run']}"]["trained_on"]] == ["CIFAR-10"], "its trunk was frozen"
    refused = tlcore(home, "weights", "delete", f"run {demonstration['run']}")
    assert refused.returncode == 2 and f"is used by run {chained['run']} (" in refused.stderr
    assert document(home, "weights", "delete", "mine") == {"deleted": added["id"], "name": "mine"}
    assert "mine" not in tlcore(home, "weights").stdout


def test_every_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text()
    commands = [line.split()[3:5] for line in readme.splitlines() if line.startswith("python -m tlcore ")]
    assert len(commands) >= 10
    for words in commands:
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([word for word in words if word.islower() and word.isalpha()] + ["--help"])
        assert ended.value.code == 0, words
