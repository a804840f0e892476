"""python -m tlcore.nn.exporting.asking: ask an exported file about pictures in a process of its own.

Nothing of the network that the file was made from is in that process, only the file's own runtime.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlcore.cuts import version
from tlcore.devices import NO_CARDS
from tlcore.errors import ConflictError
from tlcore.executors import child_environment
from tlcore.exports import Kind, kind_of
from tlcore.reporter import Reporter

BATCH_IMAGES = 16
WARM_UP, ROUNDS, MOST_S = 3, 21, 1.0
LONGEST_S = 1800
PACKAGES = {"keras": ("keras", "tensorflow"), "savedmodel": ("tensorflow",), "litert": ("ai-edge-litert",), "onnx": ("onnxruntime",), "openvino": ("openvino",)}


class Answers(NamedTuple):
    probabilities: np.ndarray  # float32 (n, classes)
    latency_ms: float  # Median for one picture at a time.
    versions: Mapping[str, str]


def ask(kind: Kind, folder: Path, pixels: np.ndarray, reporter: Reporter) -> Answers:
    """What the file in `folder` says of some pictures. Shapes: uint8 (n, side, side, 3).

    Raises: ConflictError where it can't be loaded or asked; whatever `reporter.check` raises, after ending the process.
    """
    with tempfile.TemporaryDirectory() as between, (Path(between) / "errors.txt").open("w+b") as errors:
        np.save(Path(between) / "pixels.npy", pixels)
        command = [sys.executable, "-m", "tlcore.nn.exporting.asking", kind.format.name, str(int(kind.int8)), str(folder), between]
        process = subprocess.Popen(command, env={**child_environment(), **NO_CARDS}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            _wait(process, reporter)
        finally:
            process.kill()
            process.wait()
        try:
            found = json.loads((Path(between) / "answers.json").read_text(encoding="utf-8"))
            return Answers(np.load(Path(between) / "answers.npy"), **found)
        except (OSError, ValueError):
            errors.seek(0)
            why = errors.read().decode(errors="replace").strip().rpartition("\n")[2][:200]
            raise ConflictError(f"the {kind.title} file can't be used by its own runtime ({why or 'it ended without a word'}). Choose another format.") from None


def _wait(process: subprocess.Popen, reporter: Reporter) -> None:
    give_up_at = time.monotonic() + LONGEST_S
    while time.monotonic() < give_up_at:
        reporter.check()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            return


def main(name: str, int8: str, folder: str, between: str) -> None:
    """Load the file, answer all pictures in batches, then time it with one."""
    from tlcore.nn import runtimes

    model = runtimes.load(kind_of(name, int8 == "1"), Path(folder))
    pixels = np.load(Path(between) / "pixels.npy")
    found = [model(pixels[at : at + BATCH_IMAGES]) for at in range(0, len(pixels), BATCH_IMAGES)]
    took: list[float] = []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        model(pixels[:1])
        took.append(time.perf_counter() - began)
        if sum(took) > MOST_S and len(took) > WARM_UP:
            break
    np.save(Path(between) / "answers.npy", np.concatenate(found).astype(np.float32))
    about = {"latency_ms": 1000 * float(np.median(took[WARM_UP:])), "versions": {each: version(each) for each in PACKAGES[name]}}
    (Path(between) / "answers.json").write_text(json.dumps(about), encoding="utf-8")


if __name__ == "__main__":
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # It would call home.
    main(*sys.argv[1:])
