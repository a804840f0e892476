"""How this process uses its graphics cards: memory, precision, and one or several together.

Which cards a worker sees was decided before it started (`tlcore.devices`). In here:

    devices.apply(devices.plan())                       # first thing of a warm-up, before any tensor
    strategy = devices.apply(plan := devices.plan(config.train.devices))    # once more when the run is known
    with strategy.scope():
        Backbone(..., policy=plan.policy)               # frozen prefix and tail: half precision on a card
        Trainer(..., strategy)                          # the head's logits and softmax stay float32

What computes in half precision gives other numbers, so the policy is part of the activation cache's key.
Variables stay float32, so weights move freely between a model in half precision and one in float32, which
is what is exported. float16 loses small gradients, so the loss is scaled where that is the policy.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import keras
import tensorflow as tf

from tlcore.errors import ResourceError

TENSOR_CORES_SINCE = (7, 0)  # Compute capability; before it half precision saves memory and costs time.
BFLOAT16_SINCE = (8, 0)


@dataclasses.dataclass(frozen=True)
class Device:
    """A graphics card as TensorFlow describes it.

    name: such as "/physical_device:GPU:0".
    compute_capability: (major, minor); None where the card has none, as those of other makers.
    """

    name: str
    compute_capability: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run makes of its cards.

    visible: cards whose memory must grow with need, though fewer may be used.
    used: cards that the run computes on; 0 means the processor.
    policy: Keras's dtype policy of the backbone; the head's is always float32.
    """

    visible: int
    used: int
    policy: Literal["float32", "mixed_float16", "mixed_bfloat16"]

    @property
    def mirrored(self) -> bool:
        """Whether each batch is divided over several cards."""
        return self.used > 1

    @property
    def loss_scaling(self) -> bool:
        """Whether gradients would vanish without it; bfloat16 has float32's range."""
        return self.policy == "mixed_float16"


def choose(devices: Sequence[Device], asked: int = 1) -> Plan:
    """The plan for a run that asks for so many cards. Raises ResourceError where there are fewer."""
    if asked > max(1, len(devices)):
        raise ResourceError(
            f"train.devices is {asked}, but TensorFlow sees {len(devices) or 'no'} graphics card{'s' if len(devices) > 1 else ''} here. "
            f"Clone the run with train.devices {len(devices) or 1}."
        )
    used = devices[:asked]
    return Plan(len(devices), len(used), _policy(used))


def _policy(used: Sequence[Device]) -> Literal["float32", "mixed_float16", "mixed_bfloat16"]:
    """The best that all of these cards are fast at; all must agree on it."""
    oldest = min((device.compute_capability or (0, 0) for device in used), default=(0, 0))
    if oldest >= BFLOAT16_SINCE:
        return "mixed_bfloat16"
    return "mixed_float16" if oldest >= TENSOR_CORES_SINCE else "float32"


def plan(asked: int = 1) -> Plan:
    """The plan for the cards that TensorFlow sees in this process. Raises ResourceError, as `choose`."""
    found = []
    for gpu in tf.config.list_physical_devices("GPU"):
        capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
        found.append(Device(gpu.name, tuple(capability) if capability else None))
    return choose(found, asked)


def apply(plan: Plan) -> tf.distribute.Strategy:
    """Let memory grow on each visible card, and give the strategy under whose scope variables are made.

    It must come before TensorFlow's first tensor; again later it changes nothing. Without cards it does nothing.
    """
    for gpu in tf.config.list_physical_devices("GPU")[: plan.visible]:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    if plan.mirrored:
        return tf.distribute.MirroredStrategy([f"/gpu:{number}" for number in range(plan.used)])
    return tf.distribute.get_strategy()


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers made inside have this dtype policy; outside all is as before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
