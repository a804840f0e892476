"""One file an idea of how knowledge is carried over; what they have in common is `tlcore.nn.strategy`."""

from __future__ import annotations

from tlcore.cuts import Cut
from tlcore.nn.classifier import blocks_of
from tlcore.nn.models import Backbone, tail_model
from tlcore.nn.strategies.coral import Coral
from tlcore.nn.strategies.dann import Dann
from tlcore.nn.strategies.fine_tune import FineTune
from tlcore.nn.strategies.frozen import Frozen
from tlcore.nn.strategies.gradual import Gradual
from tlcore.nn.strategies.lp_ft import LinearProbeThenFineTune
from tlcore.nn.strategies.mixed import Mixed
from tlcore.nn.strategies.mmd import Mmd
from tlcore.nn.strategies.pseudo_label import PseudoLabel
from tlcore.nn.strategies.scratch import Scratch
from tlcore.nn.strategies.source_only import SourceOnly
from tlcore.nn.strategies.target_only import TargetOnly
from tlcore.nn.strategies.two_stream import TwoStream
from tlcore.nn.strategy import Recipe, Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "frozen": Frozen, "fine_tune": FineTune, "lp_ft": LinearProbeThenFineTune, "gradual": Gradual, "scratch": Scratch,
    "source_only": SourceOnly, "target_only": TargetOnly, "mixed": Mixed, "two_stream": TwoStream, "pseudo_label": PseudoLabel,
    "dann": Dann, "coral": Coral, "mmd": Mmd,
}


def build(recipe: Recipe, backbone: Backbone, cut: Cut, row_shape: tuple[int, ...], classes: int, with_source: bool = False) -> Strategy:
    """The strategy of a run with a new network to learn."""
    kind = STRATEGIES[recipe.way.name]
    batch_norm = "training" if kind is Scratch else getattr(recipe.way, "batch_norm", "inference")
    network = kind.network_type(tail_model(backbone, cut), cut, row_shape, recipe.head, classes, recipe.train.seed, batch_norm)
    return kind(recipe, network, blocks_of(backbone, network) if network.tail is not None else [], with_source)
