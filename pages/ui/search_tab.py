"""Search on Tune: the studies, the chosen one open, at /tune?study=7; and the form of a new one, at /tune?study=new."""

from __future__ import annotations

import streamlit as st

from pages.ui.series_choice import choose
from pages.ui.state import read_text, store, write_query
from pages.ui.study_form import study_form
from pages.ui.study_view import study_view
from tlcore.tuning.trials import listed

KIND, NEW = "study", "new"


def search() -> None:
    """The form where the link asks for it or there is no study yet; else the chosen study."""
    known = listed(store())
    if not known or read_text("study") == NEW:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader("A new study" if known else "Search settings", anchor=False)
            if known:
                st.button("Back to the studies", key="studies_back", type="tertiary", icon=":material/arrow_back:", on_click=write_query, kwargs={"study": None, "draft": None})
        if read_text("study") not in (None, NEW):
            st.warning("The link names a study that isn't here, deleted perhaps.", icon=":material/search_off:")
        study_form()
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        series = choose(known, KIND, "study", "Study")
        st.button("New study", key="study_new", icon=":material/add:", on_click=write_query, kwargs={"study": NEW})
    study_view(series)
