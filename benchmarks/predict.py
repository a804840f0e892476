"""From choosing a model to the first answer, and from picture to picture, as the Predict page asks: closely, one at a time.

Each round is a process of its own that has loaded what the server loads at its start, pandas among it, but neither OpenVINO nor
the model. Chosen: loading the model and what its own pictures tell, and the first answer; then ten more, each with decoding in a
child process, heat, distance and calibration.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.workbench import Bench, Material, bench, imagenet_weights, last_json_line, settings
from tlcore import jobs
from tlcore.answers import answers_document
from tlcore.grounds import Grounds
from tlcore.predict import Model, predict

NETWORKS: dict[str, dict[str, Any]] = {
    "ResNet20": {"backbone__name": "ResNet20"},
    "MobileNetV2 at 96 px": {"backbone__name": "MobileNetV2", "backbone__weights": "imagenet", "backbone__input_size": 96},
}
PICTURES, QUICK_PICTURES = 2_000, 200
MORE = 10
FIRST_S, NEXT_S = 1.5, 0.2


def measure(rounds: int, material: Material) -> dict[str, Any]:
    """Medians over the rounds in seconds: first answer after choosing, and each one after it; also for both models at once."""
    with imagenet_weights("MobileNetV2", 96), bench(material) as at:
        dataset = at.add_pictures(QUICK_PICTURES if material.quick else PICTURES)
        folders = {name: str(_trained(at, settings(dataset, train__epochs=3, **changes))) for name, changes in NETWORKS.items()}
        picture = next((at.folder / dataset.name).rglob("*.jpg"))
        asked = {**{name: [folder] for name, folder in folders.items()}, "both side by side": list(folders.values())}
        found = {name: [last_json_line(["-m", "benchmarks.predict", str(picture), *those]) for _ in range(rounds)] for name, those in asked.items()}
    figures = {name: {step: round(statistics.median(each[step] for each in every), 3) for step in ("first_s", "next_s", "slowest_next_s")} for name, every in found.items()}
    missed = [f"{name}: {each}" for name, each in figures.items() if each["first_s"] > FIRST_S or each["next_s"] > NEXT_S]
    return {**figures, "targets_s": {"first": FIRST_S, "next": NEXT_S}, "missed": missed}


def _trained(at: Bench, config: Any) -> Path:
    run = jobs.wait(at.store, jobs.submit_run(at.store, at.workspace, config))
    if run.state != "done":
        raise RuntimeError(f"run {run.id} is {run.state}: {run.error}\n{run.traceback or ''}")
    return at.workspace.run(run.id)


def ask(picture: Path, folders: list[Path]) -> dict[str, float]:
    """One process's figures."""
    data, began = picture.read_bytes(), time.perf_counter()
    from tlcore.nn import inference

    models = {folder.name: Model(inference.load(folder), Grounds.of(folder)) for folder in folders}
    grounds = {name: model.grounds for name, model in models.items()}

    def once(name: str) -> None:
        answers_document(list(predict(models, [(name, data)], closely=True)), grounds)

    once("first.jpg")
    first_s, each = time.perf_counter() - began, []
    for i in range(MORE):
        began = time.perf_counter()
        once(f"{i}.jpg")
        each.append(time.perf_counter() - began)
    return {"first_s": first_s, "next_s": statistics.median(each), "slowest_next_s": max(each)}


if __name__ == "__main__":
    print(json.dumps(ask(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])))
