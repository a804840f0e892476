"""The settings that a question on Tune is about: those of the link, or those of a finished run (`?of=7`).

The link says `?set=train.epochs=5`, once for each setting, as `--set train.epochs=5` on the command line. Train's own names
(`?train.epochs=5`) can't serve: Streamlit takes a widget's parameter out of the address when its page is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import streamlit as st
import yaml

from pages.ui import forms
from pages.ui.pick import DONE, short_name
from pages.ui.state import read_id, store, write_query
from pages.ui.text import count, literal
from tlcore.config import RunConfig, parse, read_value, with_changes
from tlcore.errors import InputError, TLError
from tlcore.store import DatasetRecord, Job, JobState
from tlcore.strategies import Frozen

KEY = "settings_of"
SET = "set"
HERE = 0  # In place of a run's number: the settings in the link.
LISTED = 20


def choose_settings(records: list[DatasetRecord]) -> RunConfig | None:
    """The chosen settings, with the way to change them; None, and why, where the link's can't be read."""
    runs = {run.id: run for run in store().jobs(**DONE, limit=LISTED)}
    asked = read_id("of")
    if asked is not None and asked not in runs:
        runs |= _found(asked)
    first = asked if asked in runs else HERE
    if st.session_state.get(f"{KEY}_link") != first or st.session_state.get(KEY) not in (HERE, *runs):
        st.session_state[KEY] = st.session_state[f"{KEY}_link"] = first
    try:
        here = from_link(records)
    except TLError as error:
        here = None
        st.error(literal(str(error)), icon=":material/error:")
    named = f"As set on Train · {here.title}" if here is not None and SET in st.query_params else f"The usual ones · {here.title}" if here is not None else "As in the link"
    number = st.selectbox(
        "Settings", [HERE, *runs], key=KEY, width=480, on_change=_put, format_func=lambda each: f"Run {short_name(runs[each])}" if each in runs else named,
        help="Those that Train put into the link, or those of a finished run.",
    )
    config = runs[number].config if number in runs else here
    if config is not None:
        st.caption(literal(facts(config)))
    return config


def change_link(config: RunConfig) -> None:
    """The way to Train, with these settings in its form."""
    st.page_link("train.py", label="Change the settings", icon=":material/tune:", query_params=forms.address(config))


def from_link(records: list[DatasetRecord]) -> RunConfig:
    """The settings in the link, the usual ones where it says nothing. Raises InputError."""
    changes = {"dataset": records[0].name}
    for change in st.query_params.get_all(SET):
        dotted, _, text = change.partition("=")
        try:
            changes[dotted] = read_value(text)
        except yaml.YAMLError:
            raise InputError(f"Settings in the link: {change[:60]!r} can't be read. Open this page from Train.") from None
    return parse(with_changes({}, changes), "Settings in the link")


def in_link(config: RunConfig) -> dict[str, list[str]]:
    """A configuration as query parameters of Tune: the dataset, and what differs from the usual."""
    usual = dict(_flat({**RunConfig(dataset="-").model_dump(mode="json"), "strategy": type(config.strategy)().model_dump(mode="json")}))
    changed = {dotted: value for dotted, value in _flat(config.model_dump(mode="json")) if value != usual[dotted] or dotted == "strategy.name"}
    return {SET: [f"{dotted}={_written(value)}" for dotted, value in changed.items() if (dotted, value) != ("strategy.name", Frozen().name)]}


def _flat(document: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def _written(value: Any) -> str:
    """As YAML reads it back; a plain word without quotes."""
    return value if isinstance(value, str) and value.isidentifier() and read_value(value) == value else json.dumps(value, ensure_ascii=False)


def facts(config: RunConfig) -> str:
    """Settings in one line: those that most depends on."""
    depth = config.freeze.trainable_blocks
    classes = count(len(config.classes), "class", "classes") if config.classes else "all classes"
    return " · ".join([
        config.dataset, classes, config.backbone.name, f"{count(depth, 'block')} that learn" if depth else "head alone learns", config.strategy.name,
        f"{config.optimizer.name} at {config.optimizer.learning_rate:g}", f"batch of {config.train.batch_size}",
    ])


def _found(run_id: int) -> dict[int, Job]:
    """An older finished run, or a sentence that there is none."""
    run = store().jobs_by_id([run_id]).get(run_id)
    if run is not None and run.kind == "train" and run.state is JobState.done:
        return {run_id: run}
    st.warning("The link asks for the settings of a run that isn't here or isn't finished. Choose others.", icon=":material/search_off:")
    return {}


def _put() -> None:
    """Write the choice into the link; settings that stand there stay, to come back to."""
    number = st.session_state[KEY]
    write_query(of=number or None)
    st.session_state[f"{KEY}_link"] = number
