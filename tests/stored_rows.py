"""Small real caches of activations, and a process that uses one: `python -m tests.stored_rows FOLDER COUNT`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tlcore.activations import ActivationCache, Layout, content_keys
from tlcore.executors import child_environment
from tlcore.workspace import Workspace

ROWS = 100
LAYOUT = Layout((242,), "float32")  # With its content id a row takes 1,000 bytes, a segment 100 kB.
SEGMENT_BYTES = ROWS * LAYOUT.stored_bytes
ABOUT = {"backbone": "MobileNetV2", "input_size": 96, "kind": "avg", "cut": "out_relu", "dtype": "float32", "engine": "openvino"}


def ids(number: int, count: int = ROWS) -> list[bytes]:
    """Content ids of the pictures of segment `number`."""
    return content_keys([f"{number:04x}{row:060x}" for row in range(count)])


def values(number: int) -> np.ndarray:
    return np.random.default_rng(number).random((ROWS, 242), np.float32)


def store_segment(workspace: Workspace, key: str, number: int, used_s_ago: float, **about: object) -> Path:
    """Store one segment whose rows were last taken so long ago."""
    folder = workspace.activations / key
    before = set(folder.glob("*.rows"))
    cache = ActivationCache(folder)
    cache.create(LAYOUT, {**ABOUT, **about})
    cache.append(ids(number), values(number))
    (path,) = set(folder.glob("*.rows")) - before
    os.utime(path, (time.time() - used_s_ago,) * 2)
    return path


def store_network(workspace: Workspace, key: str, used_s_ago: float, bytes_: int = SEGMENT_BYTES) -> list[Path]:
    """Files as of a converted network."""
    workspace.compiled.mkdir(parents=True, exist_ok=True)
    paths = [workspace.compiled / f"{key}{suffix}" for suffix in (".xml", ".bin", ".sha256")]
    for path, size in zip(paths, (100, bytes_ - 164, 64), strict=True):
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - used_s_ago,) * 2)
    return paths


def start_user(folder: Path, number: int) -> subprocess.Popen:
    """A process that has taken the rows of a segment and holds them until it is killed."""
    process = subprocess.Popen([sys.executable, "-m", "tests.stored_rows", str(folder), str(number)], stdout=subprocess.PIPE, env=child_environment())
    assert process.stdout is not None and process.stdout.readline() == b"taken\n"
    return process


if __name__ == "__main__":
    cache = ActivationCache(Path(sys.argv[1]))
    assert not cache.missing(ids(int(sys.argv[2])))
    rows = cache.rows(ids(int(sys.argv[2])))
    print("taken", flush=True)
    time.sleep(600)
