"""Where did the time go, and was that foreseen?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts
from pages.ui.download import download_csv
from pages.ui.outlook_view import PHASE_NAMES, between
from pages.ui.state import workspace
from pages.ui.text import duration, literal
from tlcore.forecast.outlook import compared, total_of
from tlcore.forecast.rates import Band
from tlcore.results import load_summary
from tlcore.store import Job


def time_by_phase(run: Job) -> None:
    figures = load_summary(workspace().run(run.id))
    table, predicted = _timed(run, figures["phases"])
    longest = table.loc[table["seconds"].idxmax(), "phase"]
    widest = float(table[["seconds", "high"] if predicted else ["seconds"]].max().max())
    alt = f"Seconds by phase of the run, most of them for {longest}" + ("; a tick and a line show what was predicted" if predicted else "")
    st.vega_lite_chart(table.assign(label=table["seconds"].map(duration)), charts.phases(len(table), widest, st.context.theme.type == "dark", predicted), key="phases", alt=alt)
    st.markdown(_whole(figures))
    if predicted:
        st.markdown(literal(_verdict(run)))
    cache: dict[str, Any] = figures["cache"]
    st.caption(f"Features by {figures['engine']}; {cache['hits']:,} pictures came from the cache, {cache['computed']:,} were computed.")
    download_csv(table.drop(columns="end", errors="ignore"), f"run-{run.id}-time.csv", "time")


def _whole(figures: dict[str, Any]) -> str:
    """How long it was worked on: by this attempt, and with those that it went on from."""
    whole, earlier = figures["seconds"], figures.get("earlier_seconds") or 0.0
    if not earlier:
        return f"This attempt took **{duration(whole)}**, the wait for a worker left out."
    return f"This attempt took **{duration(whole - earlier)}**; with the earlier attempts that it went on from, **{duration(whole)}**. Pauses and waits are left out."


def _timed(run: Job, phases: dict[str, float]) -> tuple[pd.DataFrame, bool]:
    """Seconds by phase, with what was predicted where a forecast was kept: columns low, likely, high and end."""
    rows = {row["phase"]: row for row in compared(run)}
    seconds = {**{name: row["actual"] for name, row in rows.items() if name not in phases}, **phases}
    table = pd.DataFrame({"phase": [PHASE_NAMES.get(name, name) for name in seconds], "seconds": list(seconds.values())})
    if not rows:
        return table, False
    for column in ("low", "likely", "high"):
        table[column] = [rows[name][column] if name in rows else float("nan") for name in seconds]
    return table.assign(end=table[["seconds", "high"]].max(axis=1)), True


def _verdict(run: Job) -> str:
    """Predicted against actual in words: the whole, and the phases outside their band."""
    rows = compared(run)
    actual, band = total_of(rows)
    waited = ", the wait for a worker included" if any(row["phase"] == "start" for row in rows) else ""
    said = f"Bar: what this attempt took; tick and line: what was predicted, with its band. Predicted for all phases together{waited}: {between(band)}; they took {duration(actual)}."
    outside = [f"{PHASE_NAMES.get(row['phase'], row['phase'])}, {duration(row['actual'])} instead of {between(Band(row['low'], row['likely'], row['high']))}" for row in rows if not row["within"]]
    return f"{said} Outside their band: {'; '.join(outside)}." if outside else f"{said} Every phase lay within its band."
