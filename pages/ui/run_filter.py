"""The bar above the runs: search, order, groups, and the filters behind one button; all of it stands in the link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import ICONS, WORDS, read_text, store, write_query
from pages.ui.text import literal
from tlcore.queries import is_number
from tlcore.run_query import GROUPS, SORTS, Hidden, Wanted
from tlcore.store import JobState

SORT_NAMES = {
    "newest": "Newest first", "val_accuracy": "Best validation accuracy", "accuracy": "Best test accuracy", "balanced_accuracy": "Best balanced accuracy",
    "macro_f1": "Best macro F1", "auc": "Best AUC", "seconds": "Shortest time to train", "parameters": "Fewest parameters", "learned": "Fewest learned parameters",
    "bytes": "Smallest file", "latency_ms": "Lowest latency", "name": "By name",
}
HIDDEN_NAMES: dict[Hidden, str] = {"without": "left out", "with": "listed too", "only": "only these"}
FIELDS = {"dataset": "datasets", "backbone": "backbones", "strategy": "strategies", "tag": "tags", "series": "series"}
"""Name in the link and of the group: field of `Wanted`."""
_HELP = {"tag": "Of several tags a run must have all.", "series": "Runs of one experiment, such as a label curve."}
_LINKED = ("status", *FIELDS, "hidden")


def choose_runs() -> tuple[Wanted, str]:
    """The bar; gives which runs are wanted in which order, and by what they are grouped, "" for not at all."""
    with st.container(horizontal=True, vertical_alignment="center", key="run_filter"):
        find = st.text_input("Find a run", key="find", type="search", live="300ms", max_chars=200, bind="query-params", label_visibility="collapsed", icon=":material/search:", width=260, placeholder="number, name, tag or dataset")
        sort = _one("Order", "sort", SORTS, SORT_NAMES, ":material/sort:", 245)
        by = _one("Groups", "group", ("", *GROUPS), {"": "Not in groups"} | {name: f"By {name}" for name in GROUPS}, ":material/workspaces:", 190)
        popover = st.container(width="content")
    with popover:
        asked = _filters(sort, find or "")
    if asked.filtered:
        _what_is_asked(asked)
    return asked, by


def _one(label: str, name: str, options: Iterable[str], names: Mapping[str, str], icon: str, width: int) -> str:
    """A choice of which the first is the usual one, and not in the link."""
    known = tuple(options)
    key = f"runs_{name}"
    take_from_link(key, name, lambda: read_text(name) if read_text(name) in known else known[0])
    return st.selectbox(label, known, key=key, format_func=names.__getitem__, on_change=_changed, args=(key, name, known[0]), label_visibility="collapsed", icon=icon, width=width)


def _filters(sort: str, find: str) -> Wanted:
    """The button with the filters behind it, and how many of them are set."""
    there = store().runs.choices()
    titles = store().series.titles(there["series"])
    set_before = sum(bool(read_text(name)) for name in _LINKED)
    with st.popover("Filter" + (f" · {set_before}" if set_before else ""), icon=":material/filter_list:", key="run_filters"):
        take_from_link("runs_status", "status", lambda: [state for state in JobState if state in (read_text("status") or "").split(",")])
        states = st.pills("Status", list(JobState), selection_mode="multi", key="runs_status", format_func=lambda state: f"{ICONS[state]} {WORDS[state]}", on_change=_changed, args=("runs_status", "status"), wrap=True)
        chosen: dict[str, Any] = {field: _several(name, there[name], titles if name == "series" else {}) for name, field in FIELDS.items()}
        chosen["series"] = tuple(int(each) for each in chosen["series"] if is_number(each))
        take_from_link("runs_hidden", "hidden", lambda: read_text("hidden") if read_text("hidden") in HIDDEN_NAMES else "without")
        hidden = st.segmented_control("Hidden runs", list(HIDDEN_NAMES), key="runs_hidden", required=True, format_func=HIDDEN_NAMES.__getitem__, on_change=_changed, args=("runs_hidden", "hidden", "without"))
    return Wanted(states=tuple(states), **chosen, find=find, hidden=hidden, sort=sort)


def _several(name: str, there: Mapping[Any, int], titles: Mapping[int, str]) -> tuple[str, ...]:
    """A choice of several, each with its number of runs; nothing where there is nothing to choose."""
    known = {str(each): f"{each}{f' · {titles[each]}' if each in titles else ''} ({runs:,})" for each, runs in there.items()}
    key, asked = f"runs_{name}", names_in(read_text(name) or "", known)
    options = [*known, *(each for each in asked if each not in known)]  # What the link names stays, though no run has it.
    take_from_link(key, name, lambda: asked)
    if not options:
        return ()
    return tuple(st.multiselect(name.capitalize(), options, key=key, on_change=_changed, args=(key, name), help=_HELP.get(name), placeholder="all", format_func=lambda each: known.get(each, each)))


def names_in(link: str, known: Iterable[str]) -> list[str]:
    """The names that a link lists, joined by commas; known ones may hold commas themselves."""
    found = [name for name in known if f",{name}," in f",{link},"]
    parts = {part for name in found for part in name.split(",")}
    return [*found, *(part for part in link.split(",") if part and part not in parts)]


def _changed(key: str, name: str, usual: str = "") -> None:
    """Write a choice into the link, and go to the first page of what it gives."""
    put_into_link(key, name)
    if st.session_state[key] == usual:
        write_query(**{name: None})
        st.session_state[f"{key}_link"] = ""
    st.session_state["page"] = 1


def _what_is_asked(asked: Wanted) -> None:
    """The filters in words, and one button that takes them off."""
    words = [", ".join(WORDS[state] for state in asked.states)]
    words += [f"{name} {', '.join(literal(str(each)) for each in getattr(asked, field))}" for name, field in FIELDS.items() if getattr(asked, field)]
    words += [f"“{literal(asked.find)}”"] if asked.find.strip() else []
    words += [] if asked.hidden == "without" else ["hidden runs too" if asked.hidden == "with" else "hidden runs"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run_filter_words"):
        st.caption(f"Only: {' · '.join(filter(None, words))}", width="content")
        st.button("Show all", key="show_all_runs", type="tertiary", icon=":material/filter_alt_off:", on_click=_show_all)


def _show_all() -> None:
    write_query(**dict.fromkeys(_LINKED))
    st.session_state["find"] = ""
    st.session_state["page"] = 1


def group_link(by: str, key: str | int) -> None:
    """Leave the groups for the runs of one of them."""
    write_query(**{by: str(key), "group": None})
    st.session_state["page"] = 1


