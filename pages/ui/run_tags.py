"""Tags of the chosen runs: seen on a button, changed behind it; and runs put out of sight."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.state import guarded, store, toast_next
from pages.ui.text import count, literal
from tlcore.run_tags import LONGEST_TAG
from tlcore.store import Job

MOST_SHOWN = 3  # Tags on the button of one run; the others are behind it.


def tags(runs: Sequence[Job], key: str) -> None:
    """A button that opens the tags of these runs; of one run it names them."""
    held = list(store().tags.of([run.id for run in runs]).values())
    common = [tag for tag in held[0] if all(tag in each for each in held)]
    partial = sorted({tag for each in held for tag in each} - set(common))
    field = f"tags_{key}_{hash((tuple(run.id for run in runs), tuple(map(tuple, held))))}"
    with st.popover(_label(common, len(runs)), icon=":material/label:", key=f"tags_open_{key}"), st.form(f"tags_form_{key}", border=False):
        st.multiselect(
            "Tags" if len(runs) == 1 else f"Tags of all {len(runs)} runs", sorted({*store().tags.known(), *common}), default=common, key=field, accept_new_options=True,
            select_all=False, placeholder="Choose or type one", help=f"Words by which these runs are found and put in groups, up to {LONGEST_TAG} characters each. Type a new one and press Enter.",
        )
        if partial:
            st.multiselect("Take off", partial, key=f"{field}_partial", select_all=False, placeholder="Tags that only some of them have", help="Only some of these runs have them. To give one to all, choose it above.")
        st.form_submit_button("Save", key=f"tags_save_{key}", type="primary", on_click=_save, args=([run.id for run in runs], common, field))


def _label(common: Sequence[str], runs: int) -> str:
    if runs > 1 or not common:
        return "Tags"
    return ", ".join(literal(tag) for tag in common[:MOST_SHOWN]) + (f" and {len(common) - MOST_SHOWN} more" if len(common) > MOST_SHOWN else "")


def _save(runs: Sequence[int], common: Sequence[str], field: str) -> None:
    chosen, taken_off = st.session_state[field], st.session_state.get(f"{field}_partial", [])
    with guarded():
        store().tags.change(runs, add=[tag for tag in chosen if tag not in common], remove=[*(tag for tag in common if tag not in chosen), *(tag for tag in taken_off if tag not in chosen)])
        toast_next("Tags saved.", ":material/label:")
        st.rerun()


def hide(runs: Sequence[Job], key: str) -> None:
    """A button that leaves these runs out of lists, or shows them again where all of them are hidden."""
    ids = [run.id for run in runs]
    hidden = len(store().tags.hidden(ids)) == len(ids)
    label, icon = ("Show again", ":material/visibility:") if hidden else ("Hide", ":material/visibility_off:")
    help_text = "List it again." if hidden else "Leave it out of lists. Nothing is deleted: Filter on the Runs page lists hidden runs."
    st.button(label, key=f"hide_{key}", icon=icon, help=help_text, on_click=_hide, args=(ids, not hidden))


def _hide(runs: Sequence[int], hidden: bool) -> None:
    with guarded():
        store().tags.hide(runs, hidden)
        toast_next(f"{count(len(runs), 'run')} hidden. Filter lists them." if hidden else f"{count(len(runs), 'run')} shown again.", ":material/visibility_off:" if hidden else ":material/visibility:")
        st.rerun()
