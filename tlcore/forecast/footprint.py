"""How much memory a run's worker takes at most, and how much disk it leaves used. No TensorFlow."""

from __future__ import annotations

import math

from tlcore.activations import ID_BYTES
from tlcore.forecast.costs import HELD_BYTES, NUMBER_BYTES, Plan, head_params
from tlcore.forecast.rates import Band

BASE_BYTES = 870e6  # A worker with TensorFlow, Keras and OpenVINO; two thirds of it are the libraries' own files.
BATCH_IMAGES = 16  # Of the frozen layers.
BATCHES_AHEAD = 12  # Decoded and waiting, in the making, and in work.
COPIES, COPIES_COMPUTING, COPIES_CONVERTING = 3, 5, 6  # Of all weights: Keras's, those of the model that is written, those of OpenVINO.
LAYER_BYTES = 0.3e6  # Of graphs, while a network is converted.
LEARNING_COPIES = 5  # Weights, gradients, two moments, the best weights.
ROW_COPIES = 2  # As they are read and as a tensor.
RUN_FILES_BYTES, LAYER_FILE_BYTES, ANSWER_BYTES = 0.2e6, 3e3, 60
MEMORY_FACTOR = 1.25  # Of the band, on each side.
TAIL_FACTOR = 1.6  # For what blocks that learn keep for their gradients.
DISK_FACTOR = 1.15


def memory_bytes(plan: Plan, cores: int) -> Band:
    """Resident memory of the worker at its peak."""
    converts = plan.computes and not plan.converted
    weights = plan.spec.params * NUMBER_BYTES
    layers = sum(cost[2] for cost in plan.spec.block_costs)
    copies = COPIES_CONVERTING if converts else COPIES_COMPUTING if plan.computes else COPIES
    fixed = BASE_BYTES + copies * weights + (LAYER_BYTES * layers if converts else 0.0)
    learning = LEARNING_COPIES * plan.learning_params * NUMBER_BYTES
    rows = ROW_COPIES * min(plan.train * plan.trained_row_bytes, HELD_BYTES)
    tail = _tail_bytes(plan)
    frozen = _frozen_bytes(plan, cores) if plan.computes else 0.0
    # The frozen layers are done, and their buffers given back in part, before training begins.
    likely = fixed + learning + max(frozen, rows + tail)
    above = math.hypot((MEMORY_FACTOR - 1) * (likely - tail), (TAIL_FACTOR - 1) * tail)
    return Band(max(0.6 * likely, likely - above), likely, likely + above)


def _frozen_bytes(plan: Plan, cores: int) -> float:
    """Pictures decoded ahead, and the two largest maps of each batch in work, one batch a core."""
    ahead = BATCHES_AHEAD * BATCH_IMAGES * plan.side_px**2 * 3
    largest = max(plan.spec.map_side(block, plan.side_px) ** 2 * plan.spec.block_maps[block][1] for block in range(plan.cut))
    return ahead + cores * BATCH_IMAGES * 4 * largest * NUMBER_BYTES


def _tail_bytes(plan: Plan) -> float:
    """What the blocks that learn give for one batch, which is kept until its gradients are there."""
    values = plan.spec.costs(plan.cut, len(plan.spec.blocks), plan.side_px)[1]
    return min(plan.batch, plan.train) * values * NUMBER_BYTES


def disk_bytes(plan: Plan) -> Band:
    """What stays on disk: stored rows, converted layers, and the run's folder."""
    rows = (plan.missing_bytes + plan.missing * ID_BYTES if plan.cut else 0) + plan.undecoded * (plan.side_px**2 * 3 + ID_BYTES)
    below = plan.spec.params - plan.spec.params_above(plan.depth)
    converted = below * NUMBER_BYTES if plan.computes and not plan.converted else 0
    head = head_params(plan.pooling, plan.hidden, plan.spec, plan.side_px, plan.classes)
    layers = sum(cost[2] for cost in plan.spec.block_costs)
    model = (plan.spec.params + head) * NUMBER_BYTES + LAYER_FILE_BYTES * layers
    checkpoint = 3.5 * plan.learning_params * NUMBER_BYTES  # With the best weights, unless the last ones are the best.
    answers = (plan.val + plan.test) * (ANSWER_BYTES + NUMBER_BYTES * plan.classes)
    likely = rows + converted + model + checkpoint + answers + RUN_FILES_BYTES
    return Band(likely / DISK_FACTOR, likely, likely * DISK_FACTOR)
