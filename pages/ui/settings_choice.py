"""The settings that a question on Tune is about: those of the link, written as Train writes them, or those of a finished run (`?of=7`)."""

from __future__ import annotations

import streamlit as st

from pages.ui import forms
from pages.ui.pick import DONE, short_name
from pages.ui.state import read_id, read_text, store, write_query
from pages.ui.text import count, literal
from tlcore.config import RunConfig, parse, with_changes
from tlcore.errors import TLError
from tlcore.store import DatasetRecord, Job, JobState
from tlcore.strategies import Frozen

KEY = "settings_of"
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
    named = f"As set on Train · {here.title}" if here is not None and read_text("dataset") else f"The usual ones · {here.title}" if here is not None else "As in the link"
    number = st.selectbox(
        "Settings", [HERE, *runs], key=KEY, width=480, on_change=_put, format_func=lambda each: f"Run {short_name(runs[each])}" if each in runs else named,
        help="Those that Train put into the link, or those of a finished run.",
    )
    config = runs[number].config if number in runs else here
    if config is not None:
        st.caption(literal(_facts(config)))
    return config


def change_link(config: RunConfig) -> None:
    """The way to Train, with these settings in its form."""
    st.page_link("train.py", label="Change the settings", icon=":material/tune:", query_params=forms.address(config))


def from_link(records: list[DatasetRecord]) -> RunConfig:
    """The settings in the link, the usual ones where it says nothing. Raises InputError."""
    query = st.query_params
    name = read_text("strategy.name") or Frozen().name
    given = {dotted: query[dotted] for dotted in (*forms.LABELS, *forms.of_strategy(name), "backbone.name") if query.get(dotted) is not None}
    changes = {dotted: forms.numbers(text) if dotted == "head.hidden" else text or None for dotted, text in given.items()}
    changes |= {"dataset": read_text("dataset") or records[0].name, "strategy.name": name}
    return parse(with_changes({}, changes | ({"classes": query.get_all("classes")} if "classes" in query else {})), "Settings in the link")


def _found(run_id: int) -> dict[int, Job]:
    """An older finished run, or a sentence that there is none."""
    run = store().jobs_by_id([run_id]).get(run_id)
    if run is not None and run.kind == "train" and run.state is JobState.done:
        return {run_id: run}
    st.warning("The link asks for the settings of a run that isn't here or isn't finished. Choose others.", icon=":material/search_off:")
    return {}


def _put() -> None:
    """Write the choice into the link; the settings of Train stay there, to come back to."""
    number = st.session_state[KEY]
    write_query(of=number or None)
    st.session_state[f"{KEY}_link"] = number


def _facts(config: RunConfig) -> str:
    depth = config.freeze.trainable_blocks
    classes = count(len(config.classes), "class", "classes") if config.classes else "all classes"
    return " · ".join([
        config.dataset, classes, config.backbone.name, f"{count(depth, 'block')} that learn" if depth else "head alone learns", config.strategy.name,
        f"{config.optimizer.name} at {config.optimizer.learning_rate:g}", f"batch of {config.train.batch_size}",
    ])
