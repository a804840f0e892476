"""Whose test pictures the tabs of a run look at: the target's, or the source's where it was tested on both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_text, workspace
from pages.ui.text import literal
from tlcore.compare import MOST
from tlcore.evaluation import Evaluation, evaluate_part
from tlcore.results import (
    DOMAINS,
    PICTURES,
    Predictions,
    judged_part,
    load_predictions,
    load_summary,
)
from tlcore.store import Job

MOST_LETTERS = 30  # Of a dataset's name on the control.


class Tested(NamedTuple):
    """What a run answered on the test pictures of one domain."""

    domain: str  # One of DOMAINS.
    evaluation: Evaluation
    dataset_id: str  # Of which the rows are.
    name: str  # For the names of files.

    @property
    def predictions(self) -> Predictions:
        return self.evaluation.predictions

    @property
    def pictures(self) -> str:
        """`test pictures`, and whose where that isn't plain."""
        return PICTURES[self.predictions.split]


@st.cache_resource(max_entries=2 * MOST, show_spinner=False)
def predictions(root: str, run_id: int, domain: str = "target") -> Predictions:
    """The predictions that a finished run is judged by in one domain, which never change."""
    return load_predictions(workspace().run(run_id), _part(run_id, domain))


@st.cache_resource(max_entries=MOST, show_spinner=False)
def _evaluated(root: str, run_id: int, domain: str) -> Evaluation:
    return evaluate_part(workspace().run(run_id), _part(run_id, domain))


def _part(run_id: int, domain: str) -> str:
    return judged_part(load_summary(workspace().run(run_id)), domain)


def evaluated(run: Job, domain: str = "target") -> Evaluation:
    """The evaluation of a finished run in one domain. What it computes when first asked is kept for all sessions."""
    return _evaluated(str(workspace().root), run.id, domain)


def domains_of(run: Job) -> tuple[str, ...]:
    """Those that it was tested on, the target first."""
    return tuple(DOMAINS) if has_both(run) else ("target",)


def has_both(run: Job) -> bool:
    """Whether it was tested on a source as well."""
    return "source_test" in (run.result or {})


def tested(run: Job) -> Tested:
    """The answers in the chosen domain; where there are two, with the control that chooses: one for all tabs, in the link."""
    domain = choose_domain([run])
    found, own = evaluated(run, domain), run.payload["dataset_id"]
    if domain == "source":
        return Tested(domain, found, run.payload.get("source_id", own), f"run-{run.id}-source")
    return Tested(domain, found, own, f"run-{run.id}")


def choose_domain(runs: Sequence[Job]) -> str:
    """The control that chooses whose test pictures are looked at; without it, where one of the runs has no source, the target's."""
    if not all(has_both(run) for run in runs):
        return "target"
    datasets = {"target": {run.config.dataset for run in runs}, "source": {str(run.config.source.dataset) for run in runs}}

    def named(domain: str) -> str:
        name = ", ".join(sorted(datasets[domain]))
        return f"{domain} · {literal(name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + '…')}"

    take_from_link("run_domain", "domain", lambda: read_text("domain") if read_text("domain") in DOMAINS else "target")
    return st.segmented_control(
        "Domain", list(DOMAINS), key="run_domain", required=True, default="target", on_change=put_into_link, args=("run_domain", "domain"), format_func=named,
        help="target: test pictures as those on which the network shall work. source: test pictures of the other domain, whose labels it could learn from.",
    )
