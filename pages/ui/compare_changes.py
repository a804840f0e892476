"""What changes from one run to another, and on which pictures?"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import difference_chart
from pages.ui.answer_gallery import answer_gallery
from pages.ui.compare_choice import choose_pair, dataset_of, linked_choice, redraw
from pages.ui.download import download_csv
from pages.ui.linked import switch
from pages.ui.state import write_query
from pages.ui.text import count, literal
from tlcore.compare import Comparison
from tlcore.confusions import classes_that_change
from tlcore.disagreement import in_cell
from tlcore.store import Job

MOST_CLASSES = 20  # That the chart shows at first.
MOST_CELLS, MOST_PICTURES = 200, 12
CELL = "compare_cell"


def changes(runs: Sequence[Job], comparison: Comparison) -> None:
    """The difference of two confusion matrices; a click on a cell, or a choice, shows its pictures."""
    redraw(comparison)
    one, other = choose_pair(comparison)
    cells = comparison.confusion_difference(one, other)
    pair = next(pair for pair in comparison.pairs if {pair.a, pair.b} == {one, other})
    st.markdown(literal(pair.in_words("accuracy", comparison.spoken)))
    if cells.empty:
        st.info("Both confusion matrices are equal: nothing changes from one run to the other.", icon=":material/check_circle:")
        return
    st.caption(f"Pictures in each cell with run {other} less those with run {one}. More on the diagonal and fewer beside it is better. Cells without a number don't change.")
    words = {_word(true, predicted): at for at, (true, predicted) in enumerate(zip(cells["true"], cells["predicted"], strict=True))}
    _click_before(f"changes_{one}_{other}", words)
    asked = st.session_state.get(CELL)
    options = list(words)[:MOST_CELLS] + ([asked] if words.get(asked, 0) >= MOST_CELLS else [])
    panel = st.container()
    at = words[linked_choice("Cell", {word: _told(cells.iloc[words[word]]) for word in options}, CELL, "cell", "The largest changes first.", width=520)]
    with panel:
        _matrix(comparison, cells, at, one, other)
    _pictures(runs, comparison, cells.iloc[at], one, other)


def _matrix(comparison: Comparison, cells: pd.DataFrame, chosen: int, one: int, other: int) -> None:
    classes = comparison.classes
    if len(classes) > MOST_CLASSES:
        whole = switch(f"All {len(classes)} classes", "compare_all_classes", "all_classes", f"Otherwise those {MOST_CLASSES} in which most changes.")
        classes = classes if whole else classes_that_change(cells, classes, MOST_CLASSES, cells.loc[chosen, ["true", "predicted"]].tolist())
    shown = cells.assign(size=cells["difference"].abs(), sign=[f"{value:+,d}".replace("-", "−") for value in cells["difference"]], chosen=cells.index == chosen)
    shown = shown[shown["true"].isin(list(classes)) & shown["predicted"].isin(list(classes))]
    with st.container(width=min(900, 160 + 64 * len(classes))):
        st.vega_lite_chart(
            shown, difference_chart.spec(classes, int(cells["difference"].abs().max()), st.context.theme.type == "dark"), key=f"changes_{one}_{other}", on_select="rerun", selection_mode="cell",
            alt=f"Difference of the confusion matrices of run {one} and run {other}: {count(len(cells), 'cell')} change",
        )
    download_csv(cells, f"changes-{one}-{other}.csv", "changes")


def _click_before(chart: str, words: dict[str, int]) -> None:
    """A click on the chart since the last look becomes the choice in the box, and stands in the link."""
    event = st.session_state.get(chart) or {}
    clicked = (event.get("selection") or {}).get("cell") or []
    word = _word(clicked[0]["true"], clicked[0]["predicted"]) if clicked else None
    if word in words and word != st.session_state.get(f"{chart}_seen"):
        write_query(cell=word)  # The box takes it from there.
    st.session_state[f"{chart}_seen"] = word


def _pictures(runs: Sequence[Job], comparison: Comparison, cell: pd.Series, one: int, other: int) -> None:
    """Pictures of the cell by who takes them so, the parting ones first."""
    table = in_cell(comparison.predictions[one], comparison.predictions[other], cell["true"], cell["predicted"])
    for who, said in (("only one", f"Only run {one}"), ("only other", f"Only run {other}"), ("both", "Both runs")):
        part = table[table["who"] == who]
        if len(part):
            more = f", the {MOST_PICTURES} surest" if len(part) > MOST_PICTURES else ""
            does = "recognise" if cell["true"] == cell["predicted"] else f"take for {literal(cell['predicted'])}"
            st.markdown(f"**{said}** {does if who == 'both' else does.replace('recognise', 'recognises').replace('take', 'takes', 1)} {count(len(part), 'picture')} of {literal(cell['true'])}{more}:")
            answer_gallery(part.head(MOST_PICTURES), dataset_of(runs, comparison, one), {one: "one", other: "other"}, {one: "sure_one", other: "sure_other"})


def _word(true: str, predicted: str) -> str:
    """A cell in the link."""
    return f"{true} → {predicted}"


def _told(cell: pd.Series) -> str:
    does = "recognised" if cell["true"] == cell["predicted"] else f"taken for {cell['predicted']}"
    return f"{cell['true']} {does}: {cell['before']:,} → {cell['after']:,} ({cell['kind']})"
