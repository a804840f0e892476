"""The queue and history as one table, newest first, refreshed while something runs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import live
from pages.ui.download import download_csv
from pages.ui.job_rows import remaining
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.run_actions import actions
from pages.ui.state import ICONS, WORDS, read_id, read_text, store, workspace, write_query
from tlcore.store import ACTIVE, Job, JobState

PAGE = 50
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
    if not store().jobs(kind="train", limit=1):
        st.info("No runs yet. The demonstration on Home makes one in seconds; with pictures of your own, begin on Data.", icon=":material/info:")
        with st.container(horizontal=True):
            st.page_link("home.py", label="Run the demonstration", icon=":material/play_arrow:")
            st.page_link("data.py", label="Add pictures", icon=":material/add_photo_alternate:")
            st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
        return
    take_from_link("status_filter", "status", lambda: [state for state in JobState if state in (read_text("status") or "").split(",")])
    chosen = st.pills(
        "Status", list(JobState), selection_mode="multi", key="status_filter", label_visibility="collapsed",
        format_func=lambda state: f"{ICONS[state]} {WORDS[state]}", on_change=put_into_link, args=("status_filter", "status"),
    )
    states = chosen or None
    active = bool(store().jobs(states=ACTIVE, limit=1))

    @st.fragment(run_every=live.poll_s(active), key="run_list")
    def rows() -> None:
        _rows(states)
        if active != bool(store().jobs(states=ACTIVE, limit=1)):
            st.rerun()

    rows()


def _rows(states: Sequence[JobState] | None) -> None:
    limit = max(PAGE, min(read_id("show") or PAGE, 10_000))
    runs = store().jobs(kind="train", states=states, limit=limit + 1)
    older, runs = len(runs) > limit, runs[:limit]
    if not runs:
        st.info("No run has this status. Take the filter off to see all.", icon=":material/filter_alt_off:")
        return
    toolbar = st.container()
    chosen = _table(runs)
    with toolbar:
        if chosen:
            actions(chosen, "list")
        else:
            st.caption("Open a run, or tick several to compare, cancel, resume or delete them.")
    if imports := store().jobs(kind="ingest", states=ACTIVE, limit=10):
        st.page_link("data.py", label=f"{len(imports)} import of pictures in the queue as well" if len(imports) == 1 else f"{len(imports)} imports of pictures in the queue as well", icon=":material/photo_library:")
    if older:
        st.button("Show older runs", key="older_runs", icon=":material/expand_more:", on_click=write_query, kwargs={"show": limit + PAGE})


def _table(runs: Sequence[Job]) -> list[Job]:
    """The table; gives the ticked runs. A changed list starts unticked, so no tick slips to another run."""
    shown = pd.DataFrame([_row(run) for run in runs])
    event = st.dataframe(
        shown,
        key=f"run_table_{hash(tuple(run.id for run in runs))}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        alt="Runs with status, progress and scores, newest first",
        column_config={
            "run": st.column_config.ButtonColumn("Open", key="open_run", on_click=_open, width=84),
            "status": st.column_config.MultiselectColumn("Status", options=list(STATUSES.values()), color=BADGE_COLORS, width=120),
            "title": st.column_config.TextColumn("Name", width=230),
            "score": st.column_config.NumberColumn("Best score", format="percent", help="Share of the validation pictures recognised after the best epoch so far, the one with the lowest loss on them.", width=90),
            "curve": st.column_config.LineChartColumn("Validation", help="Share of the validation pictures recognised after each epoch.", width=110),
            "test": st.column_config.NumberColumn("Test accuracy", format="percent", width=90),
            "progress": st.column_config.ProgressColumn("Progress", format="%.0f%%", min_value=0, max_value=100, width=100),
            "left": st.column_config.TextColumn("Time left", width=130),
            "seconds": st.column_config.NumberColumn("Time worked", format="%.1f s", width=90),
            "created": st.column_config.DatetimeColumn("Created", format="distance", width=110),
            "dataset": st.column_config.TextColumn("Dataset", width=110),
        },
    )
    download_csv(shown.drop(columns=["curve", "left"]).assign(status=[WORDS[run.state] for run in runs]), "runs.csv", "runs")
    return [runs[row] for row in event.selection.rows if row < len(runs)]


def _open() -> None:
    """Go to the run whose button was pressed; its label says which, whatever the rows are by now."""
    write_query(run=st.session_state["open_run"]["label"].removeprefix("Run "))
    st.rerun()  # The whole page: by itself a click here would only draw the table again.


def _row(run: Job) -> dict[str, object]:
    curve, best = _finished_curve(str(workspace().root), run.id, run.attempt) if not run.active else _curve(run.id)
    result = run.result or {}
    return {
        "run": f"Run {run.id}",
        "status": [STATUSES[run.state]],
        "title": run.title,
        "score": result.get("best_val_accuracy", best),
        "curve": curve,
        "test": result.get("test_accuracy"),
        "progress": 100 * run.progress,
        "left": remaining(run) or None,
        "seconds": run.seconds,
        "created": pd.Timestamp(run.created_at, unit="s", tz="UTC"),
        "dataset": run.payload["config"]["dataset"],
    }


def _curve(run_id: int) -> tuple[list[float], float | None]:
    """Validation accuracy after each committed epoch, and after the best one as training chooses it."""
    epochs = store().epochs(run_id)
    if not {"val_accuracy", "val_loss"} <= set(epochs):
        return [], None
    epochs = epochs.dropna(subset=["val_accuracy", "val_loss"])
    return epochs["val_accuracy"].tolist(), None if epochs.empty else float(epochs.loc[epochs["val_loss"].idxmin(), "val_accuracy"])


@st.cache_data(max_entries=500, show_spinner=False)
def _finished_curve(root: str, run_id: int, attempt: int) -> tuple[list[float], float | None]:
    """The curve of a run that has ended: it stays as it is until another attempt."""
    return _curve(run_id)
