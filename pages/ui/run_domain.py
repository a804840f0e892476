"""Whose test pictures the tabs of a run look at: the target's, or the source's where it was tested on both."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_text, workspace
from pages.ui.text import count, literal
from tlcore.compare import MOST
from tlcore.results import Predictions, load_predictions
from tlcore.store import Job

SPLITS = {"target": "test", "source": "source_test"}  # The names of their predictions.


class Tested(NamedTuple):
    """What a run answered on the test pictures of one domain."""

    domain: str  # One of SPLITS.
    predictions: Predictions
    dataset_id: str  # Of which the rows are.
    name: str  # For the names of files.

    @property
    def pictures(self) -> str:
        """`test pictures`, and whose where that isn't plain."""
        return "test pictures of the source" if self.domain == "source" else "test pictures"


@st.cache_resource(max_entries=2 * MOST, show_spinner=False)
def predictions(root: str, run_id: int, domain: str = "target") -> Predictions:
    """The test predictions of a finished run in one domain, which never change."""
    return load_predictions(workspace().run(run_id), SPLITS[domain])


def has_both(run: Job) -> bool:
    """Whether it was tested on a source as well."""
    return "source_test" in (run.result or {})


def tested(run: Job) -> Tested:
    """The answers in the chosen domain; where there are two, with the control that chooses: one for all tabs, in the link."""
    domain = _chosen() if has_both(run) else "target"
    found = predictions(str(workspace().root), run.id, domain)
    payload = run.payload
    if domain == "source":
        dataset_id, name = payload.get("source_id", payload["dataset_id"]), f"run-{run.id}-source"
    else:
        dataset_id, name = payload["dataset_id"], f"run-{run.id}"
    if has_both(run):
        dataset = run.config.source.dataset if domain == "source" else run.config.dataset
        st.caption(f"{count(len(found), 'test picture')} of the {domain}, {literal(str(dataset))}.")
    return Tested(domain, found, dataset_id, name)


def _chosen() -> str:
    take_from_link("run_domain", "domain", lambda: read_text("domain") if read_text("domain") in SPLITS else "target")
    return st.segmented_control(
        "Domain", list(SPLITS), key="run_domain", required=True, default="target", on_change=put_into_link, args=("run_domain", "domain"),
        help="target: pictures as those on which the network shall work. source: pictures of the other domain, whose labels it could learn from.",
    )
