"""The queue and history as one table, newest first, refreshed while something runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import live
from pages.ui.download import download_csv
from pages.ui.job_rows import remaining
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.run_actions import actions
from pages.ui.state import ICONS, WORDS, read_text, store, workspace, write_query
from pages.ui.text import count
from tlcore.choosing import Choice
from tlcore.curves import thin
from tlcore.store import ACTIVE, Job, JobState

PAGE = 25
MOST_TAKEN, TAKEN_AT_ONCE = 10_000, 500  # Runs in one CSV file, and how many of them are in memory as a whole.
CURVE_POINTS = 60  # More than the column has pixels for.
ORDERS = ("newest first", "best test accuracy first")
GLYPHS = {
    JobState.queued: "◔",
    JobState.running: "▶",
    JobState.done: "✓",
    JobState.failed: "✕",
    JobState.cancelled: "⊘",
    JobState.interrupted: "‖",
}
STATUSES = {state: f"{GLYPHS[state]} {WORDS[state]}" for state in JobState}
BADGE_COLORS = ["gray", "blue", "green", "red", "gray", "orange"]


def run_list() -> None:
    """Filter, table, and what can be done to the chosen runs; an empty state where there are none."""
    if not store().count(kind="train"):
        st.info("No runs yet. The demonstration on Home makes one in seconds; with pictures of your own, begin on Data.", icon=":material/info:")
        with st.container(horizontal=True):
            st.page_link("home.py", label="Run the demonstration", icon=":material/play_arrow:")
            st.page_link("data.py", label="Add pictures", icon=":material/add_photo_alternate:")
            st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
        return
    wanted = _wanted()
    active = bool(store().count(states=ACTIVE))
    every_s = live.poll_s(active)

    @st.fragment(run_every=every_s, key="run_list")
    def rows() -> None:
        _rows(wanted)
        if active != bool(store().count(states=ACTIVE)) or live.out_of_step(every_s):
            st.rerun()

    rows()


def _wanted() -> dict[str, Any]:
    """Which runs and in which order, by the widgets above the table; all of it stands in the link."""
    take_from_link("status_filter", "status", lambda: [state for state in JobState if state in (read_text("status") or "").split(",")])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        chosen = st.pills(
            "Status", list(JobState), selection_mode="multi", key="status_filter", label_visibility="collapsed",
            format_func=lambda state: f"{ICONS[state]} {WORDS[state]}", on_change=put_into_link, args=("status_filter", "status"),
        )
        order = st.segmented_control("Order", ORDERS, key="order", default=ORDERS[0], required=True, bind="query-params", label_visibility="collapsed")
        find = st.text_input("Find a run", key="find", type="search", live="300ms", max_chars=200, bind="query-params", label_visibility="collapsed", icon=":material/search:", width=260, placeholder="number, name or dataset")
    return {"kind": "train", "states": chosen or None, "find": find or "", "best_first": order == ORDERS[1]}


def _rows(wanted: dict[str, Any]) -> None:
    found = store().count(**{name: value for name, value in wanted.items() if name != "best_first"})
    if not found:
        st.info("No run fits. Take the filter off, or look for something else, to see all.", icon=":material/filter_alt_off:")
        return
    toolbar, table = st.container(), st.container()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        pages = -(-found // PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        st.caption(count(found, "run"), width="content")
        download_csv(lambda: _all(wanted), "runs.csv", "runs")
    with table:
        chosen = _table(store().jobs(**wanted, limit=PAGE, offset=(page - 1) * PAGE))
    with toolbar:
        if chosen:
            actions(chosen, "list")
        else:
            st.caption("Open a run, or tick several to compare, cancel, resume or delete them.")
    if imports := store().count(kind="ingest", states=ACTIVE):
        st.page_link("data.py", label=f"{count(imports, 'import')} of pictures in the queue as well", icon=":material/photo_library:")


def _all(wanted: dict[str, Any]) -> pd.DataFrame:
    """All runs that are wanted, not only those of one page, as a table to take along."""
    rows: list[dict[str, object]] = []
    for offset in range(0, MOST_TAKEN, TAKEN_AT_ONCE):
        runs = store().jobs(**wanted, limit=TAKEN_AT_ONCE, offset=offset)
        figures = _figures(runs)
        curves = store().validation([run.id for run in runs if not run.result], figures)
        rows += [_row(run, curves.get(run.id, []), figures) | {"status": WORDS[run.state]} for run in runs]
        if len(runs) < TAKEN_AT_ONCE:
            break
    return pd.DataFrame(rows).drop(columns=["curve", "left"])


def _table(runs: Sequence[Job]) -> list[Job]:
    """The table; gives the ticked runs. A changed list starts unticked, so no tick slips to another run."""
    shown = pd.DataFrame(_rows_of(runs))
    event = st.dataframe(
        shown,
        key=f"run_table_{hash(tuple(run.id for run in runs))}",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        alt="Runs with status, progress and scores, newest first",
        column_config={
            "run": st.column_config.ButtonColumn("Open", key="open_run", on_click=_open, width=84),
            "status": st.column_config.MultiselectColumn("Status", options=list(STATUSES.values()), color=BADGE_COLORS, width=120),
            "title": st.column_config.TextColumn("Name", width=230),
            "score": st.column_config.NumberColumn("Best score", format="percent", help="Share of the validation pictures recognised after the best epoch so far; which one that is, the figure tells by which the run stops and chooses.", width=90),
            "curve": st.column_config.LineChartColumn("Validation", help="Share of the validation pictures recognised after each epoch.", width=110),
            "test": st.column_config.NumberColumn("Test accuracy", format="percent", width=90),
            "progress": st.column_config.ProgressColumn("Progress", format="%.0f%%", min_value=0, max_value=100, width=100),
            "left": st.column_config.TextColumn("Time left", width=130),
            "seconds": st.column_config.NumberColumn("Time worked", format="%.1f s", width=90),
            "created": st.column_config.DatetimeColumn("Created", format="distance", width=110),
            "dataset": st.column_config.TextColumn("Dataset", width=110),
        },
    )
    return [runs[row] for row in event.selection.rows if row < len(runs)]


def _open() -> None:
    """Go to the run whose button was pressed; its label says which, whatever the rows are by now."""
    write_query(run=st.session_state["open_run"]["label"].removeprefix("Run "))
    st.rerun()  # The whole page: by itself a click here would only draw the table again.


def _rows_of(runs: Sequence[Job]) -> list[dict[str, object]]:
    """The table's rows, with two queries for all curves: those that still grow, and those that have ended."""
    ended, figures = tuple((run.id, run.attempt) for run in runs if not run.active), _figures(runs)
    curves = store().validation([run.id for run in runs if run.active], figures) | _ended_curves(str(workspace().root), ended, figures)
    return [_row(run, curves[run.id], figures) for run in runs]


def _figures(runs: Sequence[Job]) -> tuple[str, ...]:
    """What is read of each epoch: the accuracy, and that by which the runs choose; mostly the loss for all."""
    return tuple(dict.fromkeys(["val_accuracy", *(Choice.of(run.payload["config"]).monitor for run in runs)]))


@st.cache_data(max_entries=8, show_spinner=False)
def _ended_curves(root: str, ended: tuple[tuple[int, int], ...], figures: tuple[str, ...]) -> dict[int, list[tuple[float, ...]]]:
    """The curves of runs that have ended: they stay as they are until another attempt."""
    return store().validation([run for run, _ in ended], figures)


def _best_score(run: Job, curve: list[tuple[float, ...]], figures: tuple[str, ...]) -> float | None:
    """The accuracy of the epoch that training would choose, so far."""
    choice = Choice.of(run.payload["config"])
    best = choice.best((number, epoch[figures.index(choice.monitor)]) for number, epoch in enumerate(curve, 1))
    return None if best is None else curve[best - 1][0]


def _row(run: Job, curve: list[tuple[float, ...]], figures: tuple[str, ...]) -> dict[str, object]:
    result = run.result or {}
    return {
        "run": f"Run {run.id}",
        "status": [STATUSES[run.state]],
        "title": run.title,
        "score": result["best_val_accuracy"] if "best_val_accuracy" in result else _best_score(run, curve, figures),
        "curve": [epoch[0] for epoch in thin(curve, CURVE_POINTS)],
        "test": result.get("test_accuracy"),
        "progress": 100 * run.progress,
        "left": remaining(run) or None,
        "seconds": run.seconds,
        "created": pd.Timestamp(run.created_at, unit="s", tz="UTC"),
        "dataset": run.payload["config"]["dataset"],
    }
