"""What is compared: which runs, on whose pictures, on all or the common ones; and choices that stand in the link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.run_domain import choose_domain, predictions
from pages.ui.state import read_text, workspace, write_query
from pages.ui.text import count, literal
from tlcore.compare import Comparison, OtherPictures, compare_runs
from tlcore.figure_words import TEST_WORDS
from tlcore.store import Job

COMMON = "compare_common"


def chosen(runs: Sequence[Job]) -> Comparison | None:
    """The comparison that the link asks for; None, with the reason, where these runs were tested on other pictures."""
    domain = choose_domain(runs)
    take_from_link(COMMON, "common", lambda: read_text("common") == "1")
    common = bool(st.session_state[COMMON])
    found = _compared(str(workspace().root), tuple((run.id, run.attempt, run.title) for run in runs), domain, common, runs)
    if isinstance(found, OtherPictures):
        st.error(literal(str(found)), icon=":material/block:")
        if found.common:
            _toggle(f"Evaluate on the {count(found.common, 'common picture')}")
        return None
    if found.pictures.startswith("validation"):
        st.caption("These are trials of a study: they are compared on their validation pictures, which have chosen their epochs too. The test pictures are left for the winner.")
    left_out = {run: without for run, without in found.left_out.items() if without}
    if left_out:
        _toggle(f"Only the {count(len(found.labels), 'common picture')}")
        of_runs = ", ".join(f"{without:,} of {without + len(found.labels):,} of run {run}" for run, without in left_out.items())
        st.caption(f"Left out, since not all runs were tested on them: {of_runs}. The figures differ from those on the pages of the runs.")
    return found


def redraw(comparison: Comparison) -> None:
    """Compute what intervals and tests take, once; with a word about it, since many runs take a few seconds."""
    with st.spinner("Drawing the pictures anew, 2,000 times, for intervals and tests …"):
        comparison.compute()


def linked_choice(label: str, options: Mapping[str, str], key: str, name: str, help_text: str | None = None, width: int = 300) -> str:
    """A box whose choice stands in the link as `name`; options: what stands there, with what is shown. The first one without a link."""
    first = next(iter(options))
    take_from_link(key, name, lambda: asked if (asked := read_text(name)) in options else first)
    if st.session_state[key] not in options:  # Of runs that were chosen before.
        st.session_state[key] = first
    return st.selectbox(label, list(options), key=key, format_func=lambda word: options.get(word, word), on_change=put_into_link, args=(key, name), help=help_text, width=width)


def choose_figure() -> str:
    """Which headline figure is looked at; the same in all tabs."""
    return linked_choice("Figure", {name: words.title for name, words in TEST_WORDS.items()}, "compare_figure", "figure", width=220)


def choose_pair(comparison: Comparison) -> tuple[int, int]:
    """Two of the runs: those first whose difference in accuracy is the surest."""
    pairs = {f"{pair.a},{pair.b}": (pair.a, pair.b) for pair in comparison.telling_pairs("accuracy")}
    shown = {word: f"{comparison.names[a]}  →  {comparison.names[b]}" for word, (a, b) in pairs.items()}
    return pairs[linked_choice("From one run to another", shown, "compare_pair", "pair", "The pair that can be told apart most surely comes first.", width=520)]


def dataset_of(runs: Sequence[Job], comparison: Comparison, run: int) -> str:
    """The dataset that the rows of this run's predictions are of."""
    payload = next(job.payload for job in runs if job.id == run)
    return payload.get("source_id", payload["dataset_id"]) if comparison.domain == "source" else payload["dataset_id"]


@st.cache_resource(max_entries=4, show_spinner="Putting the runs side by side …")
def _compared(root: str, named: tuple[tuple[int, int, str], ...], domain: str, common: bool, _runs: Sequence[Job]) -> Comparison | OtherPictures:
    """The comparison of these runs, by number, attempt and title, or why there is none: what they left behind never changes."""
    try:
        return compare_runs(_runs, workspace(), lambda run: predictions(root, run, domain), common, domain)
    except OtherPictures as refusal:
        return refusal


def _toggle(label: str) -> None:
    st.toggle(label, key=COMMON, on_change=_put_common, help="Pictures that all of these runs were tested on, with the same label. None of the runs has learnt from one of them.")


def _put_common() -> None:
    write_query(common="1" if st.session_state[COMMON] else None)
    st.session_state[f"{COMMON}_link"] = read_text("common") or ""
