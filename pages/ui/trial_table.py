"""The trials of a study as a table: how each ended and why, its settings, its run; and what can be done with the chosen one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import study_actions
from pages.ui.download import download_csv
from pages.ui.study_charts import axes_of, scored
from pages.ui.text import literal
from pages.ui.trial_axis import written
from tlcore.tuning.trials import StudyView, Trial, TrialState

STATES = {
    TrialState.running: "▶ running", TrialState.done: "✓ done", TrialState.pruned: "▽ pruned",
    TrialState.failed: "✕ failed", TrialState.cancelled: "⊘ cancelled", TrialState.interrupted: "‖ interrupted",
}
COLORS = ["blue", "green", "violet", "red", "gray", "orange"]
ROLES = {"trial": "trial", "repeat": "another seed", "final": "winner, tested"}
MOST_HIGH = 12  # Rows that stand without a scroll bar.


def trial_table(view: StudyView) -> None:
    """All trials, the newest first; a ticked one can be opened and promoted, and says why it ended early."""
    trials = sorted(view.trials, key=lambda trial: -trial.run)
    if not trials:
        return
    axes, goal = axes_of(view.study), scored(view.study)
    rows = [
        {"run": f"Run {trial.run}", "trial": trial.number, "status": [STATES[trial.state]], "score": trial.score, **{axis.setting: written(trial.values.get(axis.setting)) for axis in axes},
         "seconds": trial.seconds, "role": ROLES.get(trial.role, trial.role), "seed": trial.seed, "note": trial.note}
        for trial in trials
    ]
    shown = [name for name in rows[0] if name not in ("role", "seed") or len({row[name] for row in rows}) > 1]
    event = st.dataframe(
        pd.DataFrame(rows), key=f"trials_{len(rows)}", hide_index=True, height="content" if len(rows) <= MOST_HIGH else 460, placeholder="–", on_select="rerun", selection_mode="single-row",
        alt="Trials with status, score, settings and time", column_order=shown,
        column_config={
            "run": st.column_config.ButtonColumn("Open", key="open_trial", on_click=_open, width=88),
            "trial": st.column_config.NumberColumn("Trial", width=60),
            "status": st.column_config.MultiselectColumn("Status", options=list(STATES.values()), color=COLORS, width=125),
            "score": st.column_config.NumberColumn(goal.title, format="percent" if goal.share else "%.4f", width=120),
            **{axis.setting: st.column_config.TextColumn(axis.title, width=max(110, 8 * len(axis.title))) for axis in axes},
            "seconds": st.column_config.NumberColumn("Time", format="%.1f s", width=80),
            "role": st.column_config.TextColumn("Role", width=120), "seed": st.column_config.NumberColumn("Seed", width=60),
            "note": st.column_config.TextColumn("Why it ended", width=420),
        },
    )
    chosen = [trials[row] for row in event.selection.rows if row < len(trials)]
    with st.container(horizontal=True, vertical_alignment="center", key="trial_actions"):
        download_csv(view.table, f"study-{view.series.id}-trials.csv", "trials")
        if chosen:
            promote_button(view, chosen[0], "chosen", f"Promote trial {chosen[0].number}")
        else:
            st.caption("Tick a trial to promote it to a run of its own.")
    if chosen and chosen[0].note:
        st.info(f"Trial {chosen[0].number}: {literal(chosen[0].note)}", icon=":material/info:")


def promote_button(view: StudyView, trial: Trial, key: str, label: str) -> None:
    """Make a run of its own with this trial's settings, tested on the test pictures."""
    if st.button(label, key=f"promote_{key}", icon=":material/upgrade:", help="Queues an ordinary run with these settings, which is tested on the test pictures."):
        study_actions.promote(view.series.id, trial.number)


def _open() -> None:
    """Go to the run whose button was pressed; its label says which."""
    st.switch_page("runs.py", query_params={"run": st.session_state["open_trial"]["label"].removeprefix("Run ")})


def best_settings(view: StudyView, trial: Trial) -> dict[str, Any]:
    """The searched settings of a trial, by title, as they are written."""
    return {axis.title: written(trial.values.get(axis.setting)) for axis in axes_of(view.study)}
