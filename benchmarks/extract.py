"""Pictures a second through the whole extraction path, against bare OpenVINO on pictures already in memory.

Ours: dataset → decode → resize → OpenVINO → rows on disk. Bare: the same converted network, precision and batch
size, and nothing else. Both in this process, in turn; compiling the network is counted on neither side.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.workbench import Bench, Material, bench, imagenet_weights, say
from tlcore import backbones
from tlcore.datasets.dataset import Dataset
from tlcore.reporter import NullReporter

SIDE_PX, PICTURES, QUICK_PICTURES = 96, 4_000, 400
TARGET = 0.85


def measure(rounds: int, material: Material) -> dict[str, object]:
    """The median of our pace over the bare one; the two rounds of a pair follow each other at once."""
    with imagenet_weights("MobileNetV2", SIDE_PX), bench(material) as place:
        dataset = place.add_pictures(QUICK_PICTURES if material.quick else PICTURES)
        ours, bare, batch_size = _rounds(rounds, place, dataset)
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    middle = statistics.median(ratios)
    return {
        "work": f"{len(dataset)} pictures, MobileNetV2 at {SIDE_PX} px, {batch_size} pictures a batch",
        "ratio": round(middle, 3), "target": TARGET, "reached": middle >= TARGET, "ratios": [round(each, 3) for each in ratios],
        "ours_pictures_per_s": [round(each, 1) for each in ours], "bare_pictures_per_s": [round(each, 1) for each in bare],
    }


def _rounds(rounds: int, place: Bench, dataset: Dataset) -> tuple[list[float], list[float], int]:
    # TensorFlow and OpenVINO take seconds to import; those who only want the list of names needn't wait.
    from benchmarks.peers.bare_openvino import Bare
    from tlcore.cuts import cut_for
    from tlcore.nn import openvino_engine
    from tlcore.nn.features import activations
    from tlcore.nn.models import Backbone
    from tlcore.nn.prefix import Prefix

    spec = backbones.spec("MobileNetV2")
    prefix = Prefix(Backbone(spec, "imagenet", SIDE_PX), cut_for(spec, 0, "avg"), place.workspace)
    batch_size = prefix.engine.batch_images
    peer = Bare(prefix.converted(), batch_size, openvino_engine.SETTINGS["INFERENCE_PRECISION_HINT"])
    whole = np.arange(len(dataset) // batch_size * batch_size)
    pixels = dataset.pixels(whole, SIDE_PX)
    peer.timed(pixels[: 8 * batch_size])  # Either side's first requests fill its buffers.
    ours, bare = [], []
    for number in range(rounds + 1):
        bare.append(len(whole) / peer.timed(pixels)[0])
        place.empty()
        began = time.perf_counter()
        _, use = activations(prefix, lambda rows: dataset.pixels(rows, SIDE_PX), dataset.content_ids, place.workspace, NullReporter())
        ours.append(len(dataset) / (time.perf_counter() - began))
        assert use.hits == 0, "activations were stored before the round"
        say(f"round {number}: bare {bare[-1]:.0f}, ours {ours[-1]:.0f} pictures a second" + ("" if number else " (not counted)"))
    return ours[1:], bare[1:], batch_size
