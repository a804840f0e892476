"""A label curve on Tune: how far it is, its answer, chart and table, and its runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import label_chart, live
from pages.ui.download import download_csv
from pages.ui.errors import guarded
from pages.ui.run_table import BADGE_COLORS, STATUSES
from pages.ui.state import store, toast_next, write_query
from pages.ui.text import count, literal
from tlcore import series_jobs
from tlcore.label_curve import WAYS
from tlcore.label_points import LabelCurve, answer, gather, setting
from tlcore.store import JobState, Series

HOW = (
    "Points are means over seeds, faint marks the single runs. If seeds scatter normally, the bars hold the mean in 95 of 100 repetitions: m ± t · s / √n, with the mean m and the standard deviation s "
    "of n seeds and Student's t for n − 1; one seed gives no bar, nor do equal results. They tell of start weights, order and choice of labelled pictures, not of the choice of test pictures, "
    "which are the same in all runs. With all labels there is no choice of labelled pictures. A gain is the mean of the differences at equal seeds."
)


def label_curve(series: Series) -> None:
    """Everything on one series, drawn anew while its runs go on."""
    active = gather(series, store().series.jobs(series.id)).active
    every_s = live.poll_s(active)

    @st.fragment(run_every=every_s, key="label_curve")
    def part() -> None:
        curve = gather(series, store().series.jobs(series.id))
        with guarded():
            _head(series, curve)
            _result(series, curve)
            _runs(curve)
        if active != curve.active or live.out_of_step(every_s):
            st.rerun()

    part()


def _head(series: Series, curve: LabelCurve) -> None:
    """How far it is, and what can be done to it."""
    done, waiting = curve.states[JobState.done], curve.states[JobState.queued]
    if curve.active:
        st.progress(min(1.0, done / max(1, curve.planned)), text=f"{curve.progress[0].upper()}{curve.progress[1:]}")
    else:
        st.caption(f"{curve.progress}.")
    with st.container(horizontal=True, vertical_alignment="center", key="series_actions"):
        if waiting:
            st.button(f"Cancel the {count(waiting, 'run')} that wait" + ("s" if waiting == 1 else ""), key="cancel_series", icon=":material/cancel:", on_click=_cancel, args=(series.id,))
        if curve.points:
            download_csv(curve.table, "labels.csv", "labels")
        if not curve.active:
            with st.popover("Delete", icon=":material/delete:", key="delete_series_open"):
                st.markdown(f"Delete this series and its {count(len(curve.runs), 'run')}, with models, figures and logs? This can't be undone.")
                st.button("Delete the series", key="delete_series", type="primary", icon=":material/delete:", on_click=_delete, args=(series.id,))


def _result(series: Series, curve: LabelCurve) -> None:
    """The answer, the chart and the table; or what is being waited for."""
    if not curve.points:
        waits = "The first point comes with the first finished run; frozen ones are soonest done." if curve.active else "No run of this series has a result. Resume them on their pages, or start a new series on Train."
        st.info(waits, icon=":material/hourglass_empty:")
        return
    with st.container(border=True, key="label_answer"):
        if said := answer(curve):
            st.markdown("  \n".join(f"**{literal(sentence)}**" if place == 0 else literal(sentence) for place, sentence in enumerate(said)))
            if curve.active:
                st.caption("So far: runs are still to come.")
        else:
            st.markdown("The answer comes when transfer and training from scratch both have a result.")
    labels = tuple(sorted({point.labels for point in curve.points}))
    st.vega_lite_chart(label_chart.rows(curve), label_chart.spec(labels), key="label_chart", alt=label_chart.alt_text(curve))
    st.caption(HOW)
    percent = {name: st.column_config.NumberColumn(label, format="percent", width=90) for name, label in (("accuracy", "Accuracy"), ("low", "95% from"), ("high", "to"))}
    st.dataframe(
        curve.table(), hide_index=True, height="content", placeholder="–", key="label_table", alt="Mean test accuracy with its interval by way of learning and number of labels",
        column_config={
            "strategy": st.column_config.TextColumn("Way", width=100), "labels": st.column_config.NumberColumn("Labels", format="localized", help="Labelled training pictures.", width=70),
            "val_labels": st.column_config.NumberColumn("Labels for validation", format="localized", help="They come on top: each run chooses its best epoch by these pictures."),
            "runs": st.column_config.NumberColumn("Seeds"), **percent,
        },
    )
    with st.expander("What each way got", icon=":material/balance:"):
        st.markdown("\n".join(f"- {literal(sentence)}" for sentence in [*series.settings.get("choices", ()), *(f"Left out: {each}" for each in series.settings.get("left_out", ()))]))


def _runs(curve: LabelCurve) -> None:
    """The single runs, each with a button that opens it."""
    with st.expander(f"The single runs ({len(curve.runs)})", icon=":material/list:", key="series_runs"):
        rows = []
        for job in curve.runs:
            way, fraction, seed = setting(job)
            rows.append({"run": f"Run {job.id}", "status": [STATUSES[job.state]], "way": WAYS.get(way, way), "share": fraction, "seed": seed, "test": (job.result or {}).get("test_accuracy"), "seconds": job.seconds})
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, height="content", placeholder="–", key="series_run_table", alt="Runs of the series with status and test accuracy",
            column_config={
                "run": st.column_config.ButtonColumn("Open", key="open_series_run", on_click=_open, width=84),
                "status": st.column_config.MultiselectColumn("Status", options=list(STATUSES.values()), color=BADGE_COLORS, width=120),
                "way": st.column_config.TextColumn("Way"), "share": st.column_config.NumberColumn("Share of labels", format="percent"),
                "seed": st.column_config.NumberColumn("Seed"), "test": st.column_config.NumberColumn("Test accuracy", format="percent"),
                "seconds": st.column_config.NumberColumn("Time worked", format="%.1f s"),
            },
        )


def _open() -> None:
    """Go to the run whose button was pressed; its label says which."""
    st.switch_page("runs.py", query_params={"run": st.session_state["open_series_run"]["label"].removeprefix("Run ")})


def _cancel(series_id: int) -> None:
    with guarded():
        cancelled = series_jobs.cancel_waiting(store(), series_id)
        toast_next(f"{count(cancelled, 'waiting run')} cancelled. Those at work go on.", ":material/cancel:")
        st.rerun()  # The whole page: the button stands in a part that is drawn by itself.


def _delete(series_id: int) -> None:
    with guarded():
        deleted = series_jobs.delete(store(), series_id)
        write_query(series=None, tab="labels")
        toast_next(f"The series and its {count(deleted, 'run')} are deleted.", ":material/delete:")
        st.rerun()
