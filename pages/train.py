"""Set up a run: data, backbone, what may learn, strategy with source and target, head and optimiser; then start it, or several."""

import streamlit as st

from pages.ui import (
    augmentation,
    blocks,
    forms,
    launch,
    strategy_form,
    training_form,
    weights_choice,
)
from pages.ui.errors import guarded
from pages.ui.state import head, read_id, read_text, store, warm_up
from pages.ui.text import literal
from tlcore.backbones import BACKBONES, BackboneSpec, spec
from tlcore.config import RunConfig
from tlcore.errors import TLError
from tlcore.store import DatasetRecord

MOST_NAMED = 8


def choose_data(records: list[DatasetRecord]) -> DatasetRecord:
    st.subheader("Pictures", anchor=False)
    names = [record.name for record in records]
    if st.session_state.get("dataset", read_text("dataset")) not in names:
        # No default, so that the address always names the dataset: the first one may be another tomorrow.
        if "dataset" not in st.session_state:
            st.query_params["dataset"] = names[0]
        st.session_state["dataset"] = names[0]
    name = st.selectbox("Dataset", names, index=None, key="dataset", bind="query-params", width=360)
    record = records[names.index(name)]
    st.multiselect(
        "Classes", record.classes, key="classes", bind="query-params", placeholder=f"all {len(record.classes)} classes", help="The target classes, two or more; leave it empty for all."
    )
    return record


def choose_split() -> None:
    with st.expander("Split", icon=":material/call_split:"), st.grid(2, min_column_width=170):
        forms.split_settings()


def choose_backbone() -> BackboneSpec:
    st.subheader("Backbone", anchor=False)
    with st.grid(3, min_column_width=170):
        name = st.selectbox("Network", list(BACKBONES), key="backbone.name", bind="query-params", index=list(BACKBONES).index("ResNet20"), help=forms.setting("backbone.name").description)
        chosen = spec(name)
        forms.field("backbone.weights", chosen.choices)
        forms.field("backbone.input_size")
    weights_choice.section(chosen)
    return chosen


def choose_depth(chosen: BackboneSpec, classes: int) -> None:
    st.subheader("What may learn", anchor=False)
    st.caption("Outlined blocks are frozen: they keep what they know. Filled ones learn. Click a block, or move the slider.")
    depth = blocks.depth_slider(chosen)
    blocks.drawing(chosen, depth, classes)


def warn_of_link(records: list[DatasetRecord]) -> None:
    """Name what the link asks for and isn't here, before the widgets put something else in its place."""
    named = {record.name: record for record in records}
    record = named.get(read_text("dataset") or "", records[0])
    missing = forms.not_taken(named, record.classes, BACKBONES.get(read_text("backbone.name") or "", spec("ResNet20")))
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        st.warning(literal(f"The link asks for what isn't here: {', '.join(missing[:MOST_NAMED])}{more}. The form shows something else in its place; look before you start."), icon=":material/search_off:")


def adopt_link() -> None:
    """`?clone=7`: the settings of run 7, once. `?new=1`: what the link names, defaults for the rest.

    Without either the widgets keep what was set in this session.
    """
    number = read_id("clone")
    if number == -1:
        del st.query_params["clone"]
        st.warning("The link names no run to clone.", icon=":material/search_off:")
        return
    try:
        if number is not None:
            config = store().job(number).config
            forms.fill(config)
            st.query_params.from_dict(forms.address(config))  # In place of the clone: a refresh keeps later changes.
        elif read_text("new"):
            del st.query_params["new"]
            forms.fill(RunConfig(dataset="-"), but=st.query_params.keys())
    except (TLError, KeyError, ValueError) as error:
        del st.query_params["clone"]
        st.warning(literal(str(error)) if isinstance(error, TLError) else f"Job {number} has no settings that can be cloned.", icon=":material/search_off:")


head("Teach a network your classes", "Choose pictures and a pretrained network, set how much of it may change, and start. Every setting is in the address of this page.")
records = store().datasets()
if not records:
    with st.container(border=True):
        st.subheader("No pictures yet", anchor=False)
        st.markdown("A run needs a dataset. The built-in digits take one click.")
        st.page_link("data.py", label="Add a dataset", icon=":material/add_photo_alternate:")
    st.stop()
arrived = "dataset" not in st.session_state or not {"clone", "new"}.isdisjoint(st.query_params)
adopt_link()
if arrived:  # Later the address is the widgets' own, and follows them.
    warn_of_link(records)
left, right = st.columns([3, 2], gap="large")
with left:
    record = choose_data(records)
    choose_split()
    backbone = choose_backbone()
    choose_depth(backbone, len(st.session_state["classes"]) or len(record.classes))
    strategy_form.section(record, records)
    augmentation.section(record, backbone)
    training_form.section()
with right, guarded():
    launch.panel(record, backbone)
with guarded():
    warm_up()
