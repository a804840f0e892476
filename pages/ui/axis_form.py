"""One searched setting in the form of a study: a range, a list, or one value."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui import forms
from pages.ui.trial_axis import written
from tlcore.augment import PRESETS
from tlcore.backbones import BACKBONES
from tlcore.errors import InputError
from tlcore.tuning.axes import AUGMENT, SEARCHABLE, Fixed, Listed, Ranged

MODES = ("range", "list", "one value")
LAYERS = "head.hidden"
EXAMPLES = {LAYERS: "none; 128; 256, 128"}


def key(setting: str, part: str) -> str:
    """Of the widget that holds this part of an axis."""
    return f"study.{setting}.{part}"


def options_of(setting: str) -> tuple[str, ...]:
    """The words that a setting chooses from; none where it is a number or a list of layers."""
    if setting == "backbone.name":
        return tuple(BACKBONES)
    if setting == AUGMENT:
        return tuple(PRESETS)
    annotation = forms.setting(setting).annotation
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


def whole(setting: str) -> bool:
    """Whether the setting is a whole number."""
    return SEARCHABLE[setting].kind == "whole"


def ranged(setting: str) -> bool:
    """Whether a range of it can be searched."""
    return SEARCHABLE[setting].kind != "choice"


def fill(setting: str, axis: Fixed | Listed | Ranged) -> None:
    """Put an axis into the widgets, before they are drawn."""
    state = st.session_state
    if isinstance(axis, Ranged):
        kind = int if whole(setting) else float
        state[key(setting, "mode")] = "range"
        state[key(setting, "low")], state[key(setting, "high")] = kind(axis.low), kind(axis.high)
        state[key(setting, "log")], state[key(setting, "step")] = axis.log, axis.step
        return
    values = list(axis.values) if isinstance(axis, Listed) else [axis.value]
    state[key(setting, "mode")] = "list" if isinstance(axis, Listed) else "one value"
    if options_of(setting):
        state[key(setting, "names")] = [value for value in values if value in options_of(setting)]
    else:
        state[key(setting, "text")] = ("; " if setting == LAYERS else ", ").join(map(written, values))


def widgets(setting: str) -> None:
    """The widgets of one setting."""
    with st.container(border=True, key=f"axis_{setting.replace('.', '_')}", gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{SEARCHABLE[setting].label}**", width="content", help=None if setting == AUGMENT else forms.setting(setting).description)
            modes = MODES if ranged(setting) else MODES[1:]
            if st.session_state.get(key(setting, "mode")) not in modes:
                st.session_state[key(setting, "mode")] = modes[0]
            mode = st.segmented_control(f"How {SEARCHABLE[setting].label.lower()} is searched", modes, key=key(setting, "mode"), required=True, label_visibility="collapsed")
        if mode == "range":
            _range(setting)
        elif options := options_of(setting):
            st.multiselect("Values", options, key=key(setting, "names"), max_selections=None if mode == "list" else 1, label_visibility="collapsed", placeholder="Choose", select_all=False)
        else:
            st.text_input("Values", key=key(setting, "text"), max_chars=500, label_visibility="collapsed", placeholder=f"for example {EXAMPLES.get(setting, '0, 1, 2' if whole(setting) else '0.1, 0.2')}")


def _range(setting: str) -> None:
    step = 1 if whole(setting) else None
    form = None if whole(setting) else "%g"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("From", key=key(setting, "low"), step=step, format=form, width=130)
        st.number_input("To", key=key(setting, "high"), step=step, format=form, width=130)
        st.toggle("Logarithmic", key=key(setting, "log"), help="Draws as often from 0.0001 to 0.001 as from 0.001 to 0.01. For rates and decays.")


def document(setting: str) -> dict[str, Any]:
    """The axis of the widgets as a study's file has it. Raises InputError where a list can't be read."""
    state = st.session_state
    mode = state.get(key(setting, "mode"))
    if mode == "range":
        step = state.get(key(setting, "step"))
        return {"low": state[key(setting, "low")], "high": state[key(setting, "high")], "log": bool(state.get(key(setting, "log"))), **({} if step is None else {"step": step})}
    values = list(state.get(key(setting, "names"), ())) if options_of(setting) else _values(setting, state.get(key(setting, "text")) or "")
    if mode == "one value":
        if len(values) != 1:
            raise InputError(f"Settings: '{setting}' needs one value, and has {len(values)}: give one, or search a list.")
        return {"value": values[0]}
    return {"values": values}


def _values(setting: str, text: str) -> list[Any]:
    """The values of a list such as `0.1, 0.2`, or of layers such as `none; 256, 128`."""
    if setting == LAYERS:
        return [_layers(part) for part in text.split(";") if part.strip()]
    read: Callable[[str], Any] = int if whole(setting) else float
    found = []
    for part in filter(None, re.split(r"[,;\s]+", text)):
        try:
            found.append(read(part))
        except ValueError:
            raise InputError(f"Settings: '{setting}' can't be {part[:60]!r}: write {'whole ' if whole(setting) else ''}numbers with commas between.") from None
    return found


def _layers(text: str) -> list[int]:
    if text.strip().lower() == "none":
        return []
    found, others = forms.listed(text)
    if others:
        raise InputError(f"Settings: '{LAYERS}' can't be {others[0][:60]!r}: write layers with commas and choices with semicolons between, for example {EXAMPLES[LAYERS]}.")
    return found
