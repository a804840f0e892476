"""The classes of a collection: which one is photographed, what each is called, one more, one less."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from pages.ui.errors import mistakes_kept
from pages.ui.state import read_id, write_query
from pages.ui.text import count, literal
from tlcore.collecting.collection import MAX_NAME, MOST_CLASSES, About, Collection, Taken

MISTAKE = "collect_mistake"
_CHOSEN = "collect_class"
SHOWN_LETTERS = 24


def classes(collection: Collection, about: About, pictures: list[Taken]) -> int:
    """The class that is photographed, in the link as `class`, and adding one."""
    numbers = Counter(taken.label for taken in pictures)
    labels = list(about.classes)
    asked = read_id("class")
    chosen = asked if asked in labels else labels[0]
    st.session_state[_CHOSEN] = chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "Pictures of", labels, key=_CHOSEN, required=True, format_func=lambda label: f"{literal(short(about.classes[label]))} · {numbers[label]}",
            on_change=lambda: write_query(**{"class": st.session_state[_CHOSEN]}),
        )  # fmt: skip
        if len(labels) < MOST_CLASSES:
            st.button("Add a class", key="add_class", icon=":material/add:", on_click=_add, args=(collection,))
    return chosen


def one_class(collection: Collection, about: About, label: int, number: int) -> None:
    """Its name, to be changed, and taking it out. number: of its pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"class_name_{label}"
        st.session_state[key] = about.classes[label]
        st.text_input("Name of this class", key=key, max_chars=MAX_NAME, width=260, on_change=_rename, args=(collection, label, key))
        if len(about.classes) > 1:
            with st.popover("Remove the class", icon=":material/delete:", key="remove_class"):
                st.markdown(f"{literal(about.classes[label])} is removed with {count(number, 'picture')}. This can't be undone.")
                st.button("Remove it", key="remove_class_confirmed", type="primary", on_click=_drop, args=(collection, label))


def short(name: str) -> str:
    """As it fits on a button."""
    return name if len(name) <= SHOWN_LETTERS else f"{name[: SHOWN_LETTERS - 1]}…"


def _add(collection: Collection) -> None:
    with mistakes_kept(MISTAKE):
        write_query(**{"class": collection.add_class()})


def _rename(collection: Collection, label: int, key: str) -> None:
    with mistakes_kept(MISTAKE):
        collection.name_class(label, st.session_state[key])


def _drop(collection: Collection, label: int) -> None:
    with mistakes_kept(MISTAKE):
        collection.drop_class(label)
        write_query(**{"class": None})
