"""How good is each, how sure is that, and is one really the best?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import interval_chart
from pages.ui.compare_choice import choose_figure, redraw
from pages.ui.download import download_csv
from pages.ui.text import count
from tlcore.compare import RUN_FIGURES, TEST_FIGURES, Comparison
from tlcore.figure_words import WORDS, best_mark, with_interval, with_spread, written
from tlcore.store import Job

NUMBER_PX, NAME_PX, FIGURE_PX, COST_PX = 50, 230, 172, 100


def figures(runs: Sequence[Job], comparison: Comparison) -> None:
    """The table of all figures, one of them as a chart, and what seeds alone change."""
    redraw(comparison)
    _table(comparison)
    st.caption(_what_best_means(comparison))
    download_csv(comparison.figures, "comparison.csv", "metrics")
    figure = choose_figure()
    st.caption(WORDS[figure].meaning)
    st.vega_lite_chart(
        interval_chart.rows(comparison, figure), interval_chart.spec(tuple(comparison.names.values()), figure, st.context.theme.type == "dark"),
        key=f"compared_{figure}", alt=interval_chart.alt_text(comparison, figure),
    )
    _seeds(comparison)


def _table(comparison: Comparison) -> None:
    """Every figure with its interval; sorted by the figure, since what is shown is only how the number is written."""
    table = comparison.metrics.drop(columns="title")
    table.insert(1, "name", [comparison.names[run].partition(" · ")[2] for run in comparison.runs])
    styled = table.style.format({name: lambda value, name=name: written(name, value) for name in RUN_FIGURES})
    for at, run in enumerate(comparison.runs):
        for name in TEST_FIGURES:
            told = best_mark(comparison.best, name, run) + with_interval(name, table[name].iloc[at], comparison.intervals[run][name])
            styled.format(lambda _, told=told: told, subset=([table.index[at]], [name]), na_rep="–")
    columns = {name: st.column_config.NumberColumn(WORDS[name].title, help=WORDS[name].meaning, width=FIGURE_PX if name in TEST_FIGURES else COST_PX) for name in (*TEST_FIGURES, *RUN_FIGURES)}
    columns |= {"run": st.column_config.NumberColumn("Run", width=NUMBER_PX, pinned=True), "name": st.column_config.TextColumn("Name", width=NAME_PX, help="The title, or the settings that differ.")}
    st.dataframe(styled, hide_index=True, column_config=columns, alt="Figures of each run with their 95% intervals, on the same test pictures")


def _what_best_means(comparison: Comparison) -> str:
    """The star in a sentence, and where there is none."""
    brackets = "In brackets: the 95% interval."
    others = "the other run" if len(comparison.runs) == 2 else "each other run"
    if not any(comparison.best.values()):
        return f"{brackets} No run carries a ★: in no figure is one better than {others} beyond chance, by paired tests on the same pictures."
    corrected = f", corrected for {count(len(comparison.pairs), 'pair')}" if len(comparison.pairs) > 1 else ""
    return f"{brackets} ★ is better than {others}, and not by chance: the paired tests on the same pictures hold at 5 %{corrected}. In a column without ★ nothing holds."


def _seeds(comparison: Comparison) -> None:
    """Groups of runs that differ only in the seed."""
    if comparison.groups.empty:
        return
    st.markdown("**Seeds**")
    st.caption("Runs that differ in nothing but seeds: mean ± standard deviation. What differs by no more than that may be luck of the seed.")
    table = comparison.groups[["title", "count"]].copy()
    table.insert(0, "runs", [", ".join(map(str, runs)) for runs in comparison.groups["runs"]])
    names = (*TEST_FIGURES, *RUN_FIGURES)
    groups = comparison.groups.to_dict("records")
    for name in names:
        table[name] = [with_spread(name, group[f"{name}_mean"], group[f"{name}_sd"]) for group in groups]
    columns = {name: st.column_config.TextColumn(WORDS[name].title, help=WORDS[name].meaning, width=150) for name in names}
    columns |= {"runs": st.column_config.TextColumn("Runs", pinned=True, width=90), "title": st.column_config.TextColumn("Name of the first", width=220), "count": st.column_config.NumberColumn("Seeds", width=70)}
    st.dataframe(table, hide_index=True, column_config=columns, alt="Mean and standard deviation of runs that differ only in the seed")
    download_csv(comparison.groups.assign(runs=table["runs"]), "seeds.csv", "seeds")
