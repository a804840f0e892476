"""From the last picture of a collection to a prediction: ten pictures of each of two classes, as the Collect page does it.

The last picture is taken, the pictures become a dataset, a run with a preset learns from them, and a process that has loaded
neither OpenVINO nor the network asks it about a picture. Every round has a workspace of its own, so the network is converted for OpenVINO and every picture goes through
it. Warm: a worker is ready, as when the page has been open for some seconds. Cold: none is. Pictures are CIFAR-10's cats and
ships, enlarged to what a camera gives.
"""

from __future__ import annotations

import io
import statistics
import time
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.workbench import (
    CLASSES,
    Bench,
    Material,
    bench,
    imagenet_weights,
    last_json_line,
    stop_supervisor,
)
from tlcore import jobs
from tlcore.collecting import start
from tlcore.collecting.collection import Collection, Shot

BURSTS = (4, 3, 3)
NAMES = ("cat", "ship")
SIDE_PX = 480  # As the camera's widget sends them.
TARGET_S = 20.0


def measure(rounds: int, material: Material) -> dict[str, Any]:
    """Medians over the rounds in seconds, by preset, with a warm worker and without any."""
    found: dict[str, dict[str, list[float]]] = {preset: {"warm": [], "cold": []} for preset in start.PRESETS}
    with imagenet_weights("MobileNetV2", start.SIDE_PX):
        for preset, times in found.items():
            for kind, seconds in times.items():
                for _ in range(rounds):
                    with bench(material) as at:
                        seconds.append(_round(at, preset, warm=kind == "warm"))
    figures = {preset: {kind: round(statistics.median(each), 2) for kind, each in times.items()} for preset, times in found.items()}
    missed = [f"{preset}, {kind}: {figures[preset][kind]} s" for preset in found for kind in ("warm", "cold") if figures[preset][kind] > TARGET_S]
    return {**figures, "target_s": TARGET_S, "missed": missed}


def _round(at: Bench, preset: str, warm: bool) -> float:
    """Seconds from the last picture to the answer."""
    pictures = _pictures(at)
    collection, last = _all_but_one(at, pictures)
    if warm:
        at.ready()
    else:
        stop_supervisor(at.workspace)
    began = time.perf_counter()
    collection.take(2, [last])
    run = jobs.wait(at.store, start.train(collection, preset, at.store, at.workspace))
    if run.state != "done":
        raise RuntimeError(f"run {run.id} is {run.state}: {run.error}\n{run.traceback or ''}")
    trained_s = time.perf_counter() - began
    asked = at.folder / "asked.jpg"
    asked.write_bytes(last.data)
    first = last_json_line(["-m", "benchmarks.predict", str(asked), str(at.workspace.run(run.id))])
    return trained_s + first["first_s"]


def _all_but_one(at: Bench, pictures: dict[str, list[Shot]]) -> tuple[Collection, Shot]:
    """A collection in which one picture is still to be taken, and that one."""
    collection = Collection.start(at.workspace, "cats and ships")
    last = pictures[NAMES[1]].pop()
    now = time.time() - 3600
    for label, name in enumerate(NAMES, 1):
        collection.name_class(label, name)
        shots = iter(pictures[name])
        for burst, count in enumerate(BURSTS):
            collection.take(label, [shot._replace(at_ms=int(1000 * (now + 60 * burst))) for shot, _ in zip(shots, range(count), strict=False)])
    return collection, last


def _pictures(at: Bench) -> dict[str, list[Shot]]:
    folder = at.material.extract(CLASSES * sum(BURSTS), at.folder / "frames")
    return {name: [Shot(_frame(path), int(1000 * time.time())) for path in sorted((folder / name).iterdir())] for name in NAMES}


def _frame(path: Path) -> bytes:
    out = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
    return out.getvalue()
