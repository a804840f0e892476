"""Accuracy against cost, of all runs tested on the same pictures: which ones no other beats, and choosing some to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from pages.ui import cost_chart
from pages.ui.cost_chart import Axis
from pages.ui.download import download_csv
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.run_figures import COSTS, FIGURES, UNITS, column
from pages.ui.state import guarded, read_ids, read_text, store, write_query
from pages.ui.text import count
from tlcore import pareto
from tlcore.compare import FEWEST, MOST

KINDS = ("backbone", "strategy")
GAINS = tuple(name for name in FIGURES if name != "val_accuracy")


class Shown(NamedTuple):
    """What the chart shows: the cost across, the figure up, and what colour and shape say."""

    cost: str
    figure: str
    kind: str


@st.fragment(key="cost_view")
def cost_view() -> None:
    """The whole section, which is drawn anew by itself; nothing where no run has been tested yet."""
    with guarded():
        sets = store().runs.test_sets()
        if not sets:
            return
        st.subheader("Accuracy against cost", anchor=False)
        chosen = read_ids("runs")
        with st.container(horizontal=True, vertical_alignment="bottom", key="cost_choices"):
            figure = _one("How good", "gain", GAINS, {name: FIGURES[name].label for name in GAINS})
            cost = _one("At what cost", "cost", tuple(COSTS), {name: each.label for name, each in COSTS.items()})
            kind = _one("Colour and shape", "mark", KINDS, {name: name.capitalize() for name in KINDS})
            tested_on = _test_set(sets, chosen)
        table = pareto.against_cost(store().runs.facts(tested_on, (cost, figure)), cost, figure, len(cost_chart.SHAPES), kind)
        if table.empty:
            st.info(f"None of these runs has both {FIGURES[figure].label.lower()} and {COSTS[cost].label.lower()}. Choose something else, or train a run anew: older versions measured less.", icon=":material/info:")
            return
        _chart(table, Shown(cost, figure, kind), chosen)


def _one(label: str, name: str, options: Sequence[str], names: dict[str, str]) -> str:
    """A choice in the link; the first is the usual one."""
    key = f"cost_{name}"
    take_from_link(key, name, lambda: read_text(name) if read_text(name) in options else options[0])
    return st.selectbox(label, options, key=key, format_func=names.__getitem__, on_change=put_into_link, args=(key, name), width=190)


def _test_set(sets: Sequence[dict[str, Any]], chosen: Sequence[int]) -> str:
    """On what the shown runs were tested: as the link says, or as the chosen runs were, or what most were."""
    known = {each["name"]: each for each in sets}
    by_link, of_chosen = read_text("tested"), store().runs.tested_on(chosen[0]) if chosen else None
    wanted = by_link if by_link in known else next((name for name, each in known.items() if each["tested_on"] == of_chosen), next(iter(known)))
    if len(sets) > 1:
        st.session_state["cost_tested"] = wanted
        wanted = st.selectbox(
            "Tested on", list(known), key="cost_tested", format_func=lambda name: _set_name(known[name]), width=330,
            on_change=lambda: write_query(tested=st.session_state["cost_tested"]), help="Only runs tested on the same pictures can be held against each other.",
        )
    return known[wanted]["tested_on"]


def _set_name(each: dict[str, Any]) -> str:
    pictures = f"{count(each['pictures'], 'picture')} of " if each["pictures"] else ""
    return f"{pictures}{each['dataset']} · {count(each['runs'], 'run')}, newest {each['newest']}"


def _chart(table: pd.DataFrame, of: Shown, chosen: Sequence[int]) -> None:
    axes = [Axis(shown.label + (f" ({UNITS[name]})" if name in UNITS else ""), shown.axis) for name, shown in ((of.cost, COSTS[of.cost]), (of.figure, FIGURES[of.figure]))]
    kinds = tuple(table["kind"].value_counts().index)
    front = pareto.on_front(table)
    event = st.vega_lite_chart(
        table.assign(chosen=table["run"].isin(chosen)), cost_chart.spec(*axes, kinds, pareto.spans_decades(table["cost"]), st.context.theme.type == "dark"),
        key=f"cost_{of.cost}_{of.figure}", on_select="rerun", selection_mode=["picked", "area"],
        alt=f"{axes[1].title} against {axes[0].title.lower()} of {count(len(table), 'run')}, {len(front)} of them on the Pareto front",
    )
    _picked(table, pareto.picked(table, dict(event["selection"])), of)
    st.markdown(f"**The front: {count(len(front), 'run')} of {len(table):,}**")
    st.caption("Large marks, joined by the line: no other run is as good and costs less.")
    _table(front, of, "cost_front", f"Runs on the Pareto front of {axes[1].title.lower()} against {axes[0].title.lower()}, the cheapest first")
    download_csv(table.rename(columns={"gain": of.figure, "cost": of.cost, "kind": of.kind, "on": "on_front"}), "accuracy-against-cost.csv", "cost")


def _picked(table: pd.DataFrame, runs: Sequence[int], of: Shown) -> None:
    """The picked runs, the best first, and the way to their comparison."""
    if not runs:
        st.caption("Click runs, or drag over several, to compare them.")
        return
    with st.container(border=True, key="cost_picked"):
        compared = list(runs[:MOST])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{count(len(runs), 'run')} picked**" + (", the best first" if len(runs) > 1 else ""), width="content")
            if len(runs) == 1:
                st.page_link("runs.py", label=f"Open run {runs[0]}", icon=":material/open_in_new:", query_params={"run": str(runs[0])})
                st.caption("Pick one more to compare.", width="content")
            if len(runs) >= FEWEST:
                label = f"Compare these {len(compared)}" if len(runs) <= MOST else f"Compare the best {MOST}"
                st.button(label, key="compare_picked", type="primary", icon=":material/compare_arrows:", on_click=_compare, args=(compared,))
        shown = table.set_index("run").loc[list(runs)].reset_index()
        _table(shown, of, "cost_picked_runs", "The picked runs, the best first")


def _compare(runs: Sequence[int]) -> None:
    write_query(runs=runs)
    st.rerun()  # The whole page: what is compared stands above.


def _table(table: pd.DataFrame, of: Shown, key: str, alt: str) -> None:
    st.dataframe(
        table, key=key, hide_index=True, alt=alt, height="content" if len(table) <= 10 else 390, column_order=["run", "gain", "cost", "title", "kind"],
        column_config={
            "run": st.column_config.NumberColumn("Run", format="%d", width=60), "title": st.column_config.TextColumn("Name", width=260), "kind": st.column_config.TextColumn(of.kind.capitalize(), width=150),
            "gain": column(of.figure, 140), "cost": column(of.cost, 130),
        },
    )


