"""The finished runs that are asked about pictures, ready to answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from pages.ui.pick import short_name
from pages.ui.state import workspace
from pages.ui.text import literal
from tlcore.grounds import Grounds
from tlcore.predict import Model
from tlcore.store import Job

MOST = 3


class Asked(NamedTuple):
    """A run, what it is called in tables, and its model."""

    run: Job
    name: str
    model: Model


@st.cache_resource(max_entries=2 * MOST, show_spinner=False)
def model(root: str, run_id: int, attempt: int) -> Model:
    """The run's model, ready to be asked."""
    from tlcore.nn import inference  # Here, not above: OpenVINO takes a second and 100 MB.

    folder = workspace().run(run_id)
    return Model(inference.load(folder), Grounds.of(folder))


def load(runs: Sequence[Job]) -> list[Asked]:
    """Before any picture is there, so that the first answer comes soon."""
    with st.spinner("Loading"):
        return [Asked(run, short_name(run), model(str(workspace().root), run.id, run.attempt)) for run in runs]


def not_told(models: Sequence[Asked]) -> None:
    """What a model's run can't say about its answers, and why."""
    for each in models:
        for reason in each.model.grounds.missing:
            st.caption(f"{literal(each.name)}: {literal(reason)}" if len(models) > 1 else literal(reason))
