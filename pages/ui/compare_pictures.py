"""On which pictures do they disagree, and who is right?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.answer_gallery import answer_gallery
from pages.ui.compare_choice import dataset_of, linked_choice, redraw
from pages.ui.download import download_csv
from pages.ui.text import count
from tlcore.compare import Comparison
from tlcore.disagreement import by_who_is_right
from tlcore.store import Job

PAGE = 24


def pictures(runs: Sequence[Job], comparison: Comparison) -> None:
    """The pictures that not all runs take for the same class, by who is right."""
    redraw(comparison)
    table, whole = comparison.disagreements, len(comparison.labels)
    if table.empty:
        st.success(f"All runs take each of the {count(whole, 'test picture')} for the same class.", icon=":material/check_circle:")
        return
    st.markdown(f"They disagree on **{len(table):,} of {count(whole, 'test picture')}**." + _kappa(comparison))
    groups = {word: rows for word, rows in by_who_is_right(table, comparison.runs).items() if rows.any()}
    who = linked_choice("Who is right?", {word: f"{word} ({int(rows.sum()):,})" for word, rows in groups.items()}, "compare_who", "who")
    chosen = table[groups[who]]
    pages = -(-len(chosen) // PAGE)
    st.caption("Pictures first on which the runs' probabilities of the true class lie furthest apart. In bold the true class, below it what each run took it for.")
    page = st.pagination(pages, key=f"compare_pictures_{who}", persist_state="session") if pages > 1 else 1
    answer_gallery(chosen.iloc[(page - 1) * PAGE : page * PAGE], dataset_of(runs, comparison, comparison.runs[0]), {run: str(run) for run in comparison.runs})
    download_csv(chosen, "disagreements.csv", "disagreements")


def _kappa(comparison: Comparison) -> str:
    known = [pair for pair in comparison.pairs if pair.kappa is not None]
    if not known:
        return ""
    if len(comparison.pairs) == 1:
        return f" Beyond chance their answers agree by a kappa of **{known[0].kappa:.3f}**; 1 would be always."
    least, most = min(known, key=lambda pair: pair.kappa or 0), max(known, key=lambda pair: pair.kappa or 0)
    return f" Beyond chance (kappa, 1 would be always) runs {least.a} and {least.b} agree least, **{least.kappa:.3f}**, and runs {most.a} and {most.b} most, **{most.kappa:.3f}**; all on the tab Pairs."
