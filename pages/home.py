"""What this is, one button to see it work, the latest runs, and the machine."""

import uuid

import streamlit as st

from pages.ui import cache_panel, live
from pages.ui.errors import guarded
from pages.ui.job_rows import run_row
from pages.ui.state import store, toast_next, warm_up, workspace
from pages.ui.text import size
from tlcore import demo, machine
from tlcore.store import ACTIVE

LATEST = 5


def introduction() -> None:
    st.title("Teach a pretrained network something new", anchor=False)
    st.markdown(
        "Take a network that has learned one thing and show it your pictures.  \n"
        "Choose how much of it may change, and watch it learn.  \n"
        "See whether the transfer helped, where it errs, and try it on pictures of yours, all on this machine."
    )


def demonstration() -> None:
    """One click, one run: a second click of a double click finds the first one's token."""
    with st.container(border=True, key="demonstration"):
        st.subheader("See it work", anchor=False)
        st.markdown(
            "A ResNet-20 that has only seen photographs of animals and vehicles learns to read "
            "1,797 handwritten digits. It takes seconds and needs no network."
        )
        if not st.button("Run the demonstration", key="start_demo", type="primary", icon=":material/play_arrow:"):
            st.session_state["demo_token"] = uuid.uuid4().hex
            return
        with guarded(), st.spinner("Preparing the digits"):
            run = demo.start(store(), workspace(), token=st.session_state["demo_token"])
            toast_next("The demonstration has started.", icon=":material/play_circle:")
            st.switch_page("runs.py", query_params={"run": str(run)})


def latest_runs() -> None:
    runs = store().jobs(kind="train", limit=LATEST, hidden=False)
    active = any(run.state in ACTIVE for run in runs)

    every_s = live.poll_s(active)

    @st.fragment(run_every=every_s, key="latest_runs")
    def rows() -> None:
        now = store().jobs(kind="train", limit=LATEST, hidden=False)
        for run in now:
            run_row(run)
        if not now:
            st.caption("No runs yet. The demonstration makes the first one; with pictures of your own, begin on the Data page.")
        if (active and not any(run.state in ACTIVE for run in now)) or live.out_of_step(every_s):
            st.rerun()

    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Latest runs", anchor=False)
        if runs:
            st.page_link("runs.py", label="All runs", icon=":material/arrow_forward:", icon_position="right")
    rows()


def this_machine() -> None:
    here = machine.snapshot(workspace())
    figures = {
        "Cores": str(here.cores),
        "Memory free": f"{size(here.memory_free_bytes)} of {size(here.memory_bytes)}",
        "Disk free": size(here.disk_free_bytes),
        "Graphics card": here.devices.in_words(here.cores),
        "Cache": cache_panel.figure(),
        "Datasets": str(len(store().datasets())),
    }
    with st.container(border=True, key="machine"):
        st.subheader("This machine", anchor=False)
        st.table(figures, border="horizontal", alt="Cores, memory, disk, graphics card and cache of this machine")
        cache_panel.panel()


introduction()
st.space("small")
left, right = st.columns([3, 2], gap="large")
with left:
    demonstration()
    with st.container(horizontal=True):
        st.page_link("data.py", label="Add your own pictures", icon=":material/add_photo_alternate:")
        st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
    st.space("small")
    with guarded():
        latest_runs()
with right, guarded():
    this_machine()
with guarded():
    warm_up()  # Last, so that the page is there first.
