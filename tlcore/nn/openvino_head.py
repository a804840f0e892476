"""Reading an exported model from its end: the head's weights, and where the last feature maps and the representation come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tlcore.heat import Head, Pooling
from tlcore.nn.openvino_engine import ov

op = ov.opset13
Dense = tuple[np.ndarray, np.ndarray]
_NEUTRAL = ("Convert", "Dropout")  # Change no value.


class Ending(NamedTuple):
    """How a model ends, as far as it can be told.

    `representation`: what the output layer is given; `head` and `maps`: None and empty where what is before isn't
    pooled feature maps under dense layers. `channels_last` of each map.
    """

    representation: ov.Output
    head: Head | None = None
    maps: tuple[ov.Output, ...] = ()
    channels_last: tuple[bool, ...] = ()

    @property
    def width(self) -> int:
        """Numbers in a representation."""
        return self.representation.get_partial_shape()[1].get_length()

    def maps_of(self, flat: np.ndarray) -> tuple[np.ndarray, ...]:
        """The maps of pictures from their numbers in a row. Shapes: (n, a + b …) → each (n, h, w, c)."""
        shapes = [[each.get_partial_shape()[axis].get_length() for axis in (1, 2, 3)] for each in self.maps]
        parts = np.split(flat, np.cumsum([math.prod(shape) for shape in shapes])[:-1], axis=1)
        laid = [part.reshape(len(flat), *shape) for part, shape in zip(parts, shapes, strict=True)]
        return tuple(each if last else each.transpose(0, 2, 3, 1) for each, last in zip(laid, self.channels_last, strict=True))


def ending_of(model: ov.Model) -> Ending | None:
    """The model's own ending; None where it doesn't end in a dense layer and softmax."""
    softmax = _source(model.outputs[0].get_node())
    if softmax.get_type_name() != "Softmax":
        return None
    found = _dense(_source(softmax))
    if found is None:
        return None
    layer, below = found
    dense, representation = [layer], below
    while below.get_node().get_type_name() == "Relu" and (found := _dense(_source(below.get_node()))) is not None:
        dense, below = [found[0], *dense], found[1]
    pooled = [_pooled(each) for each in _side_by_side(below)]
    kinds = {each[0] for each in pooled if each is not None}
    if None in pooled or len(kinds) != 1:
        return Ending(representation)
    told = [each for each in pooled if each is not None]
    return Ending(representation, Head(kinds.pop(), tuple(dense)), tuple(each[1] for each in told), tuple(each[2] for each in told))


def side_by_side(model: ov.Model, further: Sequence[ov.Output]) -> ov.Model:
    """The same with one result: its own vector and further outputs, joined. Shapes: (n, a), (n, …) … → (n, a + b …)."""
    rows = op.constant(np.array([0, -1], np.int64))
    flat = [each if len(each.get_partial_shape()) == 2 else op.reshape(each, rows, special_zero=True).output(0) for each in further]
    parts = [model.outputs[0].get_node().input_value(0), *flat]
    joined = op.concat(parts, 1).output(0)
    return ov.Model([op.result(joined)], model.get_parameters(), model.get_friendly_name()).clone()


def _source(node: ov.Node, place: int = 0) -> ov.Node:
    """What gives a node its input, past what changes no value."""
    found = node.input_value(place).get_node()
    while found.get_type_name() in _NEUTRAL:
        found = found.input_value(0).get_node()
    return found


def _dense(node: ov.Node) -> tuple[Dense, ov.Output] | None:
    """Kernel and bias of a dense layer that ends at `node`, and what goes into it."""
    bias = None
    if node.get_type_name() == "Add":
        bias, node = _constant(node, 1), _source(node)
    if node.get_type_name() != "MatMul":
        return None
    kernel, settings = _constant(node, 1), node.get_attributes()
    if kernel is None or kernel.ndim != 2 or settings["transpose_a"]:
        return None
    kernel = kernel.T if settings["transpose_b"] else kernel
    return (kernel, np.zeros(kernel.shape[1], np.float32) if bias is None else bias.reshape(-1)), node.input_value(0)


def _side_by_side(x: ov.Output) -> list[ov.Output]:
    node = x.get_node()
    return [each.get_source_output() for each in node.inputs()] if node.get_type_name() == "Concat" else [x]


def _pooled(x: ov.Output) -> tuple[Pooling, ov.Output, bool] | None:
    """How a vector comes from feature maps, which, and whether their channels are last; None where it doesn't."""
    node = x.get_node()
    kind, from_maps = node.get_type_name(), node.input_value(0) if node.inputs() else x
    if len(from_maps.get_partial_shape()) != 4:
        return None
    if kind == "Reshape":
        return "flatten", from_maps, True
    axes = _constant(node, 1) if kind in ("ReduceMean", "ReduceMax") else None
    if axes is None or sorted(axes.reshape(-1) % 4) not in ([1, 2], [2, 3]):
        return None
    return "avg" if kind == "ReduceMean" else "max", from_maps, sorted(axes.reshape(-1) % 4) == [1, 2]


def _constant(node: ov.Node, place: int) -> np.ndarray | None:
    found = _source(node, place)
    return np.array(found.get_data()) if found.get_type_name() == "Constant" else None
