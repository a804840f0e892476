"""Settings and widgets: one widget a field, with the field's own help; the configuration check knows the ranges.

A widget's key is the setting's dotted name, and it is bound to the URL: `?train.epochs=5` means what
`--set train.epochs=5` means on the command line. So a refresh or a link loses nothing.
"""

from __future__ import annotations

import functools
import math
import re
import types
import typing
from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tlcore.backbones import BACKBONES, BackboneSpec
from tlcore.config import RunConfig, with_changes
from tlcore.errors import InputError
from tlcore.strategies import STRATEGIES, Frozen

LABELS = {
    "name": "Name",
    "source.dataset": "Source",
    "target.fraction": "Target's share",
    "target.label_fraction": "Share with labels",
    "target.balanced": "Balanced labels",
    "target.seed": "Seed of the domains",
    "split.train_fraction": "Share of training pictures used",
    "split.val_fraction": "Validation share",
    "split.test_fraction": "Test share",
    "split.seed": "Seed of the split",
    "backbone.weights": "Weights",
    "backbone.weight_set": "Weight set",
    "backbone.run": "Run that goes on",
    "backbone.input_size": "Input size, px",
    "freeze.trainable_blocks": "Blocks that learn",
    "augment.horizontal_flip": "Mirror",
    "augment.rotation_deg": "Turn, degrees",
    "augment.zoom": "Zoom",
    "augment.shift": "Shift",
    "augment.brightness": "Brightness",
    "augment.contrast": "Contrast",
    "augment.saturation": "Saturation",
    "augment.invert": "Invert",
    "augment.erase": "Erase",
    "augment.views": "Views a picture",
    "augment.seed": "Seed of the changes",
    "head.pooling": "Pooling",
    "head.hidden": "Hidden layers",
    "head.dropout": "Dropout",
    "optimizer.name": "Optimiser",
    "optimizer.learning_rate": "Learning rate",
    "optimizer.weight_decay": "Weight decay",
    "optimizer.schedule": "Step size over time",
    "optimizer.warmup_epochs": "Warm-up, epochs",
    "optimizer.clip_norm": "Longest gradient",
    "loss.class_weights": "Class weights",
    "loss.label_smoothing": "Label smoothing",
    "loss.mixup": "Mixup",
    "train.epochs": "Epochs at most",
    "train.batch_size": "Batch size",
    "train.sampling": "Order of pictures",
    "train.monitor": "Monitored figure",
    "train.early_stopping_patience": "Patience, epochs",
    "train.seed": "Seed of the training",
    "train.devices": "Cards used together",
}
STRATEGY_LABELS = {  # Each strategy has some of them.
    "strategy.rate_factor": "Rate of a deeper block",
    "strategy.batch_norm": "Batch normalisation",
    "strategy.head_epochs": "Epochs of the head alone",
    "strategy.head_rate": "Rate of the head alone",
    "strategy.epochs_per_block": "Epochs a block",
    "strategy.source_share": "Source's share of a batch",
    "strategy.threshold": "Least certainty",
    "strategy.warm_epochs": "Epochs without them",
    "strategy.ramp_epochs": "Epochs to full weight",
    "strategy.weight": "Weight in the loss",
    "strategy.balance": "Balanced",
    "strategy.gamma": "Haste of the adversary",
    "strategy.discriminator_units": "Units of the adversary",
}
SHARE = "target.fraction"  # Applies where source and target are one dataset.
ONLY_WITH = {"backbone.weight_set": "set", "backbone.run": "run"}  # Of `backbone.weights`; elsewhere they mean nothing.
EMPTY = {"backbone.input_size": "usual size", "train.early_stopping_patience": "never stop early", "optimizer.clip_norm": "not shortened"}
STEPS = {"optimizer.learning_rate": 0.0005, "optimizer.weight_decay": 0.0001, "split.train_fraction": 0.1, "augment.rotation_deg": 5.0, "optimizer.warmup_epochs": 1.0, "strategy.head_rate": 0.0005, "strategy.gamma": 1.0}


@functools.lru_cache(maxsize=64)
def setting(dotted: str) -> FieldInfo:
    """The pydantic field with this dotted name."""
    model: type[BaseModel] = RunConfig
    *parents, last = dotted.split(".")
    if parents == ["strategy"]:  # One that several strategies have is the same in all.
        return next(kind.model_fields[last] for kind in STRATEGIES.values() if last in kind.model_fields)
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    return model.model_fields[last]


def field(dotted: str, options: Sequence[str] | None = None, prefix: str = "", **widget: Any) -> Any:
    """Draw the widget of a setting and return its value; `options` narrows a choice.

    `prefix` goes before the key: a query parameter belongs to the widgets of one page only.
    """
    info = setting(dotted)
    kind, optional = _kind(info.annotation)
    common = {"label": LABELS.get(dotted) or STRATEGY_LABELS[dotted], "key": prefix + dotted, "help": info.description, "bind": "query-params", **widget}
    if typing.get_origin(kind) is typing.Literal:
        return _choice(options or typing.get_args(kind), info.default, common)
    if kind in (int, float):
        return _number(dotted, kind, info, optional, common)
    if kind is bool:
        return st.toggle(value=info.default, **common)
    if typing.get_origin(kind) is tuple:
        return st.text_input(placeholder="none; for example 256, 128", max_chars=1000, **common)
    return st.text_input(max_chars=_limits(info).get("max_length"), **common)


def listed(text: str) -> tuple[list[int], list[str]]:
    """`256, 128, abc` as a list of whole numbers, and the parts that are none."""
    parts = re.split(r"[,\s]+", text.strip(", \t\n"))
    whole = [part.isascii() and part.isdigit() and len(part) < 10 for part in parts]
    return [int(part) for part, fits in zip(parts, whole, strict=True) if fits], [part for part, fits in zip(parts, whole, strict=True) if part and not fits]


def numbers(text: str) -> list[int]:
    """The whole numbers of a list such as `256, 128`."""
    return listed(text)[0]


def _layers(text: str) -> list[int]:
    """The hidden layers. Raises InputError where a part is no whole number."""
    found, others = listed(text)
    if others:
        raise InputError(f"Settings: 'head.hidden' can't be {others[0][:60]!r}: write whole numbers with commas between, for example 256, 128; leave it empty for none.")
    return found


def _choice(options: Sequence[str], default: str, common: dict[str, Any]) -> str:
    first = default if default in options else options[0]
    if st.session_state.get(common["key"], first) not in options:
        st.session_state[common["key"]] = first
    if len(options) > 3:
        return st.selectbox(options=options, index=list(options).index(first), **common)
    chosen = st.segmented_control(options=options, default=first, required=True, **common)
    return chosen or first


def _number(dotted: str, kind: type, info: FieldInfo, optional: bool, common: dict[str, Any]) -> Any:
    common |= {"step": STEPS.get(dotted, 0.05), "format": "%g"} if kind is float else {"step": 1}
    if common["key"] != dotted:  # Train has no limits: the browser keeps a number beyond them to itself, and the one before would run.
        limits = _limits(info)
        low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
        common |= {"min_value": None if low is None else kind(low), "max_value": None if high is None else kind(high)}
    return st.number_input(value=info.default, placeholder=EMPTY[dotted] if optional else None, **common)


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


def widget_values(config: RunConfig) -> dict[str, Any]:
    """What each widget of a run's form holds for this configuration, by key."""
    document = config.model_dump(mode="json")
    values = {"dataset": document["dataset"], "classes": list(document["classes"] or ()), "backbone.name": document["backbone"]["name"]}
    values["strategy.name"] = config.strategy.name
    values |= {dotted: getattr(config.strategy, dotted.partition(".")[2], setting(dotted).default) for dotted in STRATEGY_LABELS}
    for dotted in LABELS:
        value: Any = document
        for part in dotted.split("."):
            value = value[part]
        values[dotted] = ", ".join(map(str, value)) if isinstance(value, list) else value
    if config.source.dataset != config.dataset:
        values[SHARE] = setting(SHARE).default
    return values


def of_strategy(name: str) -> list[str]:
    """The settings of a strategy, by their dotted names."""
    return [dotted for dotted in STRATEGY_LABELS if dotted.partition(".")[2] in STRATEGIES[name].model_fields]


def fill(config: RunConfig, but: Collection[str] = ()) -> None:
    """Put a configuration into the widgets, except those in `but`; before they are drawn, or in a callback."""
    st.session_state.update({key: value for key, value in widget_values(config).items() if key not in but})


def address(config: RunConfig) -> dict[str, str | list[str]]:
    """A configuration as query parameters: the dataset, and what differs from the defaults."""
    usual = widget_values(RunConfig(dataset="-"))
    changed = {key: value for key, value in widget_values(config).items() if value != usual[key]}
    return {key: value if isinstance(value, list) else _in_address(value) for key, value in changed.items()}


def _in_address(value: str | float | bool | None) -> str:
    """A setting as its widget reads it from the address."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def collect() -> dict[str, Any]:
    """A configuration document from the widgets as they stand. Raises InputError where a list can't be read.

    Of settings that belong to a strategy or to a division of one dataset, only those that apply.
    """
    state = st.session_state
    strategy = state.get("strategy.name") or Frozen().name
    asked = [dotted for dotted in (*LABELS, *of_strategy(strategy)) if dotted in state and ONLY_WITH.get(dotted) in (None, state["backbone.weights"])]
    if state.get("source.dataset") != state["dataset"] and SHARE in asked:
        asked.remove(SHARE)
    values = {dotted: _layers(state[dotted] or "") if dotted == "head.hidden" else state[dotted] for dotted in asked}
    document = with_changes({}, {**values, "strategy.name": strategy, "backbone.name": state["backbone.name"], "dataset": state["dataset"]})
    return {**document, "classes": list(state["classes"])} if state.get("classes") else document


def not_taken(datasets: Collection[str], classes: Collection[str], backbone: BackboneSpec) -> list[str]:
    """What the address asks for and no widget can hold, such as `dataset 'none'`; look before the widgets drop it."""
    asked = st.query_params
    known = {
        "dataset": datasets, "source.dataset": datasets, "classes": classes,
        "backbone.name": BACKBONES, "backbone.weights": backbone.choices, "strategy.name": STRATEGIES,
    }
    found = []
    for key in ("dataset", "classes", "backbone.name", "strategy.name", *LABELS, *STRATEGY_LABELS):
        values = [value for value in asked.get_all(key) if value] if key in asked else []
        found += [f"{key} {value[:60]!r}" for value in values if not (value in known[key] if key in known else _can_hold(key, value, backbone))]
    return found


def _can_hold(dotted: str, text: str, backbone: BackboneSpec) -> bool:
    """Whether the widget of this setting takes `text` from the address; a number beyond its range is the check's business."""
    kind, _ = _kind(setting(dotted).annotation)
    if typing.get_origin(kind) is typing.Literal:
        return text in typing.get_args(kind)
    if kind is bool:
        return text.lower() in ("true", "false")
    if kind not in (int, float):
        return True
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and (dotted != "freeze.trainable_blocks" or 0 <= value <= len(backbone.blocks))


SPLIT = ("split.train_fraction", "split.val_fraction", "split.test_fraction", "split.seed")


def split_settings(prefix: str = "") -> dict[str, Any]:
    """The widgets of the split, as keyword arguments of SplitConfig."""
    return {dotted.partition(".")[2]: field(dotted, prefix=prefix) for dotted in SPLIT}


def split_query(prefix: str) -> dict[str, str]:
    """The split of the widgets with this prefix as query parameters for Train; only what differs from the defaults."""
    values = {dotted: st.session_state.get(prefix + dotted) for dotted in SPLIT}
    return {dotted: f"{value:g}" for dotted, value in values.items() if value is not None and value != setting(dotted).default}
