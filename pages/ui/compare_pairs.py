"""Is the difference between two runs real?"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import streamlit as st

from pages.ui import interval_chart
from pages.ui.compare_choice import choose_figure, redraw
from pages.ui.download import download_csv
from pages.ui.text import count, literal
from tlcore.compare import Comparison
from tlcore.figure_words import WORDS, written_gain, written_p
from tlcore.significance import IN_POINTS, Pair, pair_table, resolution
from tlcore.store import Job

MOST_SENTENCES = 6


def pairs(runs: Sequence[Job], comparison: Comparison) -> None:
    """Each pair in words, as a chart and as a table; the surest differences first."""
    redraw(comparison)
    figure = choose_figure()
    ordered = [pair for pair in comparison.telling_pairs(figure) if figure in pair.differences]
    if not ordered:
        st.info(f"There is no {WORDS[figure].title} of these runs to compare.", icon=":material/info:")
        return
    _sentences(comparison, ordered, figure)
    st.vega_lite_chart(
        interval_chart.gain_rows(ordered, figure, comparison.spoken),
        interval_chart.gain_spec(tuple(interval_chart.label(pair, figure) for pair in ordered), figure, st.context.theme.type == "dark"),
        key=f"gains_{figure}", alt=f"By how much one run of each pair is better in {WORDS[figure].title}, {count(len(ordered), 'pair')}, with 95% intervals",
    )
    _table(ordered, figure)


def _sentences(comparison: Comparison, ordered: list[Pair], figure: str) -> None:
    """A pair alone with all that is to be said of it; of several the surest."""
    if len(ordered) == 1:
        st.markdown(literal(ordered[0].in_words(figure, comparison.spoken)))
        return
    hold = sum(pair.differences[figure].real for pair in ordered)
    st.markdown(f"**{hold} of {len(ordered)} pairs** can be told apart." + (f" The {MOST_SENTENCES} surest in words; all of them below." if len(ordered) > MOST_SENTENCES else ""))
    st.markdown("\n".join(f"- {literal(pair.outcome(figure, comparison.spoken))}" for pair in ordered[:MOST_SENTENCES]))
    if figure == "accuracy":
        st.caption(resolution(ordered))


def _table(ordered: list[Pair], figure: str) -> None:
    """One row a pair; sorted by the numbers, since what is shown is only how they are written."""
    table = pair_table(ordered, figure)
    test = "exact McNemar test on the pictures that one alone recognises" if figure == "accuracy" else "paired bootstrap"
    number, unit = st.column_config.NumberColumn, " (points)" if figure in IN_POINTS else ""
    columns = {
        "ahead": number("Run", width=50, pinned=True), "behind": number("Over", width=50, pinned=True),
        "gain": number(f"Better by{unit}", help=f"{WORDS[figure].title}: by how much the first run is ahead, be it by chance."),
        "low": number("95% from", help="Paired bootstrap: both runs on the same 2,000 redrawn sets of pictures."), "high": number("to"),
        "p": number("p", help=f"Of the {test}."), "p_holm": number("p, corrected", help="After Holm, for all pairs: the more pairs, the more lucky ones."),
        "real": st.column_config.TextColumn("Holds", help="A dash where the difference may be chance: the interval holds 0, or the corrected p is 0.05 or more."),
        "only_ahead": number("Only this right", help="Pictures that the first run alone recognises."), "only_behind": number("Only other right", help="Pictures that the second run alone recognises."),
        "agreement": number("Same answer", help="Share of the pictures that both take for the same class, right or wrong."),
        "kappa": number("Kappa", help="Cohen's: agreement beyond chance; 1 means always the same answer, 0 no more than by chance."),
    }
    gain = functools.partial(written_gain, figure)
    forms = dict.fromkeys(("gain", "low", "high"), gain) | dict.fromkeys(("p", "p_holm"), written_p) | dict.fromkeys(("only_ahead", "only_behind"), "{:,}".format)
    styled = table.assign(real=table["real"].map({True: "yes", False: "–"})).style.format({**forms, "agreement": "{:.1%}".format, "kappa": "{:.3f}".format}, na_rep="–")
    st.dataframe(styled, hide_index=True, column_config=columns, alt=f"All pairs: difference in {WORDS[figure].title}, interval, tests and agreement")
    st.caption(f"p: {test}; how often chance alone would show as much if there were no difference.")
    download_csv(table, f"pairs-{figure}.csv", "pairs")
