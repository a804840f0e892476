"""Settings and widgets: one widget a field, with the field's own range and help.

A widget's key is the setting's dotted name, and it is bound to the URL: `?train.epochs=5` means what
`--set train.epochs=5` means on the command line. So a refresh or a link loses nothing.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tlcore.config import RunConfig, with_changes

LABELS = {
    "name": "Name",
    "split.train_fraction": "Share of training pictures used",
    "split.val_fraction": "Validation share",
    "split.test_fraction": "Test share",
    "split.seed": "Seed of the split",
    "backbone.weights": "Weights",
    "backbone.input_size": "Input size, px",
    "freeze.trainable_blocks": "Blocks that learn",
    "head.pooling": "Pooling",
    "head.hidden": "Hidden layers",
    "head.dropout": "Dropout",
    "optimizer.name": "Optimiser",
    "optimizer.learning_rate": "Learning rate",
    "optimizer.weight_decay": "Weight decay",
    "train.epochs": "Epochs at most",
    "train.batch_size": "Batch size",
    "train.early_stopping_patience": "Patience, epochs",
    "train.seed": "Seed of the training",
}
EMPTY = {"backbone.input_size": "usual size", "train.early_stopping_patience": "never stop early"}
STEPS = {"optimizer.learning_rate": 0.0005, "optimizer.weight_decay": 0.0001, "split.train_fraction": 0.1}


@functools.cache
def setting(dotted: str) -> FieldInfo:
    """The pydantic field with this dotted name."""
    model: type[BaseModel] = RunConfig
    *parents, last = dotted.split(".")
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    return model.model_fields[last]


def field(dotted: str, options: Sequence[str] | None = None, **widget: Any) -> Any:
    """Draw the widget of a setting and return its value; `options` narrows a choice."""
    info = setting(dotted)
    kind, optional = _kind(info.annotation)
    common = {"label": LABELS[dotted], "key": dotted, "help": info.description, "bind": "query-params", **widget}
    if typing.get_origin(kind) is typing.Literal:
        return _choice(options or typing.get_args(kind), info.default, common)
    if kind in (int, float):
        return _number(dotted, kind, info, optional, common)
    if typing.get_origin(kind) is tuple:
        text = st.text_input(placeholder="none; for example 256, 128", validate=(r"^[\d\s,]*$", "Numbers with commas between, for example 256, 128"), **common)
        return numbers(text or "")
    return st.text_input(max_chars=_limits(info).get("max_length"), **common)


def numbers(text: str) -> list[int]:
    """`256, 128` as a list."""
    return [int(part) for part in re.findall(r"\d+", text)]


def _choice(options: Sequence[str], default: str, common: dict[str, Any]) -> str:
    first = default if default in options else options[0]
    if st.session_state.get(common["key"], first) not in options:
        st.session_state[common["key"]] = first
    if len(options) > 3:
        return st.selectbox(options=options, index=list(options).index(first), **common)
    chosen = st.segmented_control(options=options, default=first, required=True, **common)
    return chosen or first


def _number(dotted: str, kind: type, info: FieldInfo, optional: bool, common: dict[str, Any]) -> Any:
    limits = _limits(info)
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    default = info.default
    if kind is float:
        common |= {"step": STEPS.get(dotted, 0.05), "format": "%g"}
        low, high = (None if limit is None else float(limit) for limit in (low, high))
    else:
        common |= {"step": 1}
    placeholder = EMPTY[dotted] if optional else None
    return st.number_input(min_value=low, max_value=high, value=default, placeholder=placeholder, **common)


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type of a field without None and Annotated, and whether None was allowed."""
    optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        annotation, optional = inner[0], True
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation, optional


def _limits(info: FieldInfo) -> dict[str, Any]:
    """`ge`, `gt`, `le`, `lt` and `max_length` of a field."""
    found: dict[str, Any] = {}
    for part in info.metadata:
        for name in ("ge", "gt", "le", "lt", "max_length"):
            if getattr(part, name, None) is not None:
                found[name] = getattr(part, name)
    return found


def fill(document: Mapping[str, Any]) -> None:
    """Put a configuration into the widgets; call it before they are drawn, or in a callback."""
    config = RunConfig.model_validate(document).model_dump(mode="json")
    for dotted in LABELS:
        value: Any = config
        for part in dotted.split("."):
            value = value[part]
        st.session_state[dotted] = ", ".join(map(str, value)) if isinstance(value, list) else value
    st.session_state["backbone.name"] = config["backbone"]["name"]
    st.session_state["dataset"] = config["dataset"]
    st.session_state["classes"] = list(config["classes"] or ())


def collect() -> dict[str, Any]:
    """A configuration document from the widgets as they stand."""
    state = st.session_state
    values = {dotted: numbers(state[dotted] or "") if dotted == "head.hidden" else state[dotted] for dotted in LABELS if dotted in state}
    document = with_changes({}, {**values, "backbone.name": state["backbone.name"], "dataset": state["dataset"]})
    return {**document, "classes": list(state["classes"])} if state.get("classes") else document


SPLIT = ("split.train_fraction", "split.val_fraction", "split.test_fraction", "split.seed")


def split_settings() -> dict[str, Any]:
    """The widgets of the split, as keyword arguments of SplitConfig."""
    return {dotted.partition(".")[2]: field(dotted) for dotted in SPLIT}


def split_query() -> dict[str, str]:
    """The split as query parameters, for a link; only what differs from the defaults."""
    values = {dotted: st.session_state.get(dotted) for dotted in SPLIT}
    return {dotted: f"{value:g}" for dotted, value in values.items() if value is not None and value != setting(dotted).default}
