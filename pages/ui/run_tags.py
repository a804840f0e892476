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
    """A button that opens the tags of these runs, each change of which is kept at once; of one run it names them."""
    ids = [run.id for run in runs]
    held = list(store().tags.of(ids).values())
    common = [tag for tag in held[0] if all(tag in each for each in held)]
    partial = sorted({tag for each in held for tag in each} - set(common))
    field = f"tags_{key}_{hash(tuple(ids))}"
    st.session_state[field], st.session_state[f"{field}_partial"] = common, []  # The store is right, whoever changed them.
    with st.popover(_label(common, len(runs)), icon=":material/label:", key=f"tags_open_{key}"):
        st.multiselect(
            "Tags" if len(runs) == 1 else f"Tags of all {len(runs)} runs", sorted({*store().tags.known(), *common}), key=field, accept_new_options=True, select_all=False,
            placeholder="Choose or type one", on_change=_change, args=(ids, common, field),
            help=f"Words by which these runs are found and put in groups, up to {LONGEST_TAG} characters each. Type a new one and press Enter.",
        )
        if partial:
            st.multiselect(
                "Tags of some of them", partial, key=f"{field}_partial", select_all=False, placeholder="Choose one to take it off", on_change=_take_off, args=(ids, f"{field}_partial"),
                help="Only some of these runs have them. To give one to all, choose it above.",
            )


def _label(common: Sequence[str], runs: int) -> str:
    if runs > 1 or not common:
        return "Tags"
    return ", ".join(literal(tag) for tag in common[:MOST_SHOWN]) + (f" and {len(common) - MOST_SHOWN} more" if len(common) > MOST_SHOWN else "")


def _change(runs: Sequence[int], common: Sequence[str], field: str) -> None:
    chosen = st.session_state[field]
    with guarded():
        store().tags.change(runs, add=[tag for tag in chosen if tag not in common], remove=[tag for tag in common if tag not in chosen])
        st.rerun()  # The whole page, which may show these tags elsewhere too.


def _take_off(runs: Sequence[int], field: str) -> None:
    with guarded():
        store().tags.change(runs, remove=st.session_state[field])
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
