"""A dataset of one's own from the camera, at /collect?collection=…: take pictures, train at once, try it live."""

import streamlit as st

from pages.ui.camera import camera
from pages.ui.collect_classes import MISTAKE, classes, one_class, short
from pages.ui.collect_pictures import pictures
from pages.ui.collect_training import follow, latest_run, training
from pages.ui.errors import guarded, mistakes_kept, show_kept
from pages.ui.linked import choice
from pages.ui.live_answers import live_answers
from pages.ui.predict_models import load
from pages.ui.state import (
    head,
    read_text,
    toast_next,
    warm_up,
    workspace,
    write_query,
)
from pages.ui.text import count, literal
from tlcore.collecting.collection import MAX_NAME, Collection
from tlcore.errors import NotFoundError
from tlcore.store import JobState

TAKE, TRY = "take pictures", "try it live"


def go_to(collection_id: str | None) -> None:
    """Show one collection, or all; the address follows."""
    write_query(collection=collection_id, **{"class": None}, do=None)


def overview() -> None:
    """Start a collection, or go on with one."""
    head("Collect pictures with the camera", "Name what is to be told apart, show it to the camera, train at once and try the network live.")
    with st.form("start_collection", border=True):
        st.text_input("Name of the collection", "My pictures", key="collection_name", max_chars=MAX_NAME)
        if st.form_submit_button("Start a collection", icon=":material/photo_camera:", type="primary"):
            go_to(Collection.start(workspace(), st.session_state["collection_name"]).id)
            st.rerun()
    for each in Collection.all(workspace()):
        with guarded():
            about, number = each.about(), len(each.pictures())
            with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key=f"collection_{each.id}"):
                st.markdown(f"**{literal(about.name)}**  \n:small[{count(number, 'picture')} of {', '.join(map(literal, about.classes.values()))}]")
                st.button("Go on with it", key=f"open_{each.id}", icon=":material/arrow_forward:", on_click=go_to, args=(each.id,))
    st.page_link("data.py", label="All datasets", icon=":material/arrow_back:")


def take(collection: Collection) -> None:
    """The camera beside the pictures of one class; below, training."""
    about, taken = collection.about(), collection.pictures()
    left, right = st.columns([2, 3], gap="large")
    with left:
        label = classes(collection, about, taken)
        camera("collect_camera", collection.take, label, {each: short(name) for each, name in about.classes.items()})
    with right, guarded():
        its = [each for each in taken if each.label == label]
        one_class(collection, about, label, len(its))
        pictures(collection, about.classes[label], its, MISTAKE)
    st.divider()
    with guarded():
        training(collection, about, taken)


def try_live(collection: Collection) -> None:
    """The network that learnt from these pictures, asked about what the camera sees."""
    run = latest_run(collection.about())
    if run is None:
        st.info("No network has learnt from these pictures yet, or it was deleted. Take pictures and train on them first.", icon=":material/info:")
    elif run.state is JobState.done:
        live_answers(load([run]))
    else:
        st.info("The network is still learning: it can be tried here when it has." if run.active else "The latest training did not end. Train again, then try it here.", icon=":material/info:")
        follow(collection)


def detail(collection: Collection) -> None:
    about = collection.about()
    st.button("All collections", key="all_collections", type="tertiary", icon=":material/arrow_back:", on_click=go_to, args=(None,))
    head(literal(about.name), "Show each class to the camera in several bursts, from other sides and in other light; train, and try the network live. Everything is kept as it is taken.")
    show_kept(MISTAKE)
    with guarded():
        if choice("What to do", (TAKE, TRY), "collect_do", "do") == TAKE:
            take(collection)
        else:
            try_live(collection)
    with st.popover("Delete the collection", icon=":material/delete:", key="delete_collection"):
        st.markdown("All its pictures are removed. Datasets and runs that were made of them stay. This can't be undone.")
        st.button("Delete it", key="delete_collection_confirmed", type="primary", on_click=_delete, args=(collection, about.name))


def _delete(collection: Collection, name: str) -> None:
    with mistakes_kept(MISTAKE):
        collection.delete()
        toast_next(f"{literal(name)} is deleted.", icon=":material/delete:")
        go_to(None)


def page() -> None:
    asked = read_text("collection")
    if asked is None:
        return overview()
    try:
        collection = Collection.find(workspace(), asked)
    except NotFoundError as error:
        st.warning(literal(str(error)), icon=":material/search_off:")
        return overview()
    detail(collection)


with guarded():
    page()
    warm_up()
