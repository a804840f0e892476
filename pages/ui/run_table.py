"""One page of the runs as a table: its columns, rows and curves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.job_rows import remaining
from pages.ui.run_figures import COSTS, FIGURES, column
from pages.ui.state import WORDS, store, workspace, write_query
from tlcore.choosing import Choice
from tlcore.curves import thin
from tlcore.run_facts import fact
from tlcore.run_query import Wanted
from tlcore.store import Job, JobState

MOST_TAKEN, TAKEN_AT_ONCE = 10_000, 500  # Runs in one CSV file, and how many of them are in memory as a whole.
CURVE_POINTS = 60  # More than the column has pixels for.
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
OTHER_FIGURES = tuple(name for name in FIGURES | COSTS if name not in ("val_accuracy", "accuracy"))


def run_table(runs: Sequence[Job], sort: str) -> list[Job]:
    """The table; gives the ticked runs. A changed list starts unticked, so no tick slips to another run."""
    ids = [run.id for run in runs]
    tags, hidden = store().tags.of(ids), store().tags.hidden(ids)
    shown = pd.DataFrame(_rows(runs, tags, hidden))
    event = st.dataframe(
        shown,
        key=f"run_table_{hash(tuple(ids))}",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        alt="Runs with status, progress and scores",
        column_order=_columns(runs, sort, any(shown["tags"])),
        column_config=_config() | {name: column(name, 110) for name in OTHER_FIGURES},
    )
    return [runs[row] for row in event.selection.rows if row < len(runs)]


def _columns(runs: Sequence[Job], sort: str, tagged: bool) -> list[str]:
    """Those that say something about these runs, and the one by which they are sorted."""
    active = any(run.active for run in runs)
    by = [sort] if sort in OTHER_FIGURES else []
    return ["run", "status", "title", *(["tags"] if tagged else []), *by, "score", "curve", "test", *(["progress", "left"] if active else []), "worked", "created", "dataset"]


def _config() -> dict[str, Any]:
    return {
        "run": st.column_config.ButtonColumn("Open", key="open_run", on_click=_open, width=84),
        "status": st.column_config.MultiselectColumn("Status", options=list(STATUSES.values()), color=BADGE_COLORS, width=120),
        "title": st.column_config.TextColumn("Name", width=230),
        "tags": st.column_config.ListColumn("Tags", width=150),
        "score": column("val_accuracy", 95, "Validation"),
        "curve": st.column_config.LineChartColumn("By epoch", help="Share of the validation pictures recognised after each epoch.", width=110),
        "test": column("accuracy", 95, "Test accuracy"),
        "progress": st.column_config.ProgressColumn("Progress", format="%.0f%%", min_value=0, max_value=100, width=100),
        "left": st.column_config.TextColumn("Time left", width=130),
        "worked": st.column_config.NumberColumn("Time worked", format="%.1f s", width=90),
        "created": st.column_config.DatetimeColumn("Created", format="distance", width=110),
        "dataset": st.column_config.TextColumn("Dataset", width=110),
    }


def _open() -> None:
    """Go to the run whose button was pressed; its label says which, whatever the rows are by now."""
    write_query(run=st.session_state["open_run"]["label"].removeprefix("Run "))
    st.rerun()  # The whole page: by itself a click here would only draw the table again.


def all_runs(asked: Wanted) -> pd.DataFrame:
    """All runs that are wanted, not only those of one page, as a table to take along."""
    rows: list[dict[str, object]] = []
    for offset in range(0, MOST_TAKEN, TAKEN_AT_ONCE):
        runs = store().runs.page(asked, TAKEN_AT_ONCE, offset)
        figures, tags = _figures(runs), store().tags.of([run.id for run in runs])
        curves = store().validation([run.id for run in runs if not run.result], figures)
        rows += [_row(run, curves.get(run.id, []), figures, tags[run.id]) | {"status": WORDS[run.state], "tags": ", ".join(tags[run.id])} for run in runs]
        if len(runs) < TAKEN_AT_ONCE:
            break
    return pd.DataFrame(rows).drop(columns=["curve", "left"])


def _rows(runs: Sequence[Job], tags: Mapping[int, tuple[str, ...]], hidden: Collection[int]) -> list[dict[str, object]]:
    """The table's rows, with two queries for all curves: those that still grow, and those that have ended."""
    ended, figures = tuple((run.id, run.attempt) for run in runs if not run.active), _figures(runs)
    curves = store().validation([run.id for run in runs if run.active], figures) | _ended_curves(str(workspace().root), ended, figures)
    return [_row(run, curves[run.id], figures, (*(("(hidden)",) if run.id in hidden else ()), *tags[run.id])) for run in runs]


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


def _row(run: Job, curve: list[tuple[float, ...]], figures: tuple[str, ...], tags: Sequence[str]) -> dict[str, object]:
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
        "worked": run.seconds,
        "created": pd.Timestamp(run.created_at, unit="s", tz="UTC"),
        "dataset": run.payload["config"]["dataset"],
        "tags": list(tags),
        **{name: fact(result, name) for name in OTHER_FIGURES},
    }
