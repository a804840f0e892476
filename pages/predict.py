"""One to three finished runs asked about pictures, at /predict?runs=3."""

from __future__ import annotations

import json

import streamlit as st

from pages.ui.answer_confusion import confusion, score
from pages.ui.answer_table import answer_table, choose
from pages.ui.answers import answer
from pages.ui.download import download_csv
from pages.ui.linked import choice, number_in_link, put_into_link, take_from_link
from pages.ui.live_answers import live_answers
from pages.ui.pick import pick_runs
from pages.ui.predict_models import MOST, Asked, load, not_told
from pages.ui.predict_sources import LIVE, Given, given, source
from pages.ui.state import guarded, head
from pages.ui.text import count, literal
from tlcore.answer_overview import overview
from tlcore.answers import COVERAGE, answers_document, answers_table, judged
from tlcore.batch import Batch

VIEWS = ("table", "confusion matrix")
LISTED = 5


def coverage_slider(models: list[Asked]) -> float:
    """How often the possible classes shall hold the true one, in the link as `coverage`."""
    if all(each.model.grounds.conformal is None for each in models):
        return COVERAGE
    take_from_link("predict_coverage", "coverage", lambda: round(number_in_link("coverage", 100 * COVERAGE, 50, 99)))
    help_text = "How often the possible classes shall hold the true one. Higher: more classes a picture, and seldom wrong."
    percent = st.slider("Coverage of the possible classes", 50, 99, format="%d%%", key="predict_coverage", width=300, on_change=put_into_link, args=("predict_coverage", "coverage"), help=help_text)
    return percent / 100


def asked(pictures: Given, models: list[Asked]) -> Batch:
    """The answers; kept for the session and begun where they were left, so that a click elsewhere loses nothing."""
    key = (pictures.key, tuple((each.run.id, each.run.attempt, each.name) for each in models))
    if st.session_state.get("predict_batch", (None,))[0] != key:
        st.session_state["predict_batch"] = key, Batch({each.name: each.model for each in models}, pictures.files())
        st.session_state["predict_stopped"] = False
    batch: Batch = st.session_state["predict_batch"][1]
    if not batch.finished and not st.session_state["predict_stopped"]:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center"):
            bar = st.progress(0.0)
            if not batch.few:
                st.button("Stop here", key="stop_predicting", icon=":material/stop:", on_click=st.session_state.update, kwargs={"predict_stopped": True})
            for done in batch.go_on():
                bar.progress(done / len(batch), f"Looking at {done:,} of {count(len(batch), 'picture')}")
        place.empty()
    return batch


def told(batch: Batch) -> None:
    """What of the files can't be used, and why."""
    files, bad = batch.files, [one.error for one in batch.answers if one.error]
    for sentence in [*files.refused, *(bad if batch.few else bad[:LISTED])]:
        st.error(literal(sentence), icon=":material/broken_image:")
    if not batch.few and len(bad) > LISTED:
        st.caption(f"{count(len(bad) - LISTED, 'more file')} can't be used; the CSV says why.")
    if files.skipped:
        st.caption(f"{count(files.skipped, 'file')} in ZIPs left out: no pictures by their names.")
    if files.left_out:
        st.warning(f"The first {len(files):,} pictures are looked at, {files.left_out:,} are left out; for more, use `python -m tlcore predict`.", icon=":material/warning:")
    if not batch.finished:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Stopped after {len(batch.answers):,} of {count(len(batch), 'picture')}.")
            st.button("Go on", key="go_on_predicting", icon=":material/play_arrow:", on_click=st.session_state.update, kwargs={"predict_stopped": False})


def downloads(batch: Batch, models: list[Asked], coverage: float) -> None:
    """Everything that was said, as a table and as a document."""
    grounds = {each.name: each.model.grounds for each in models}
    bad = sum(one.error is not None for one in batch.answers)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count(len(batch.answers) - bad, 'picture')} looked at" + (f", {count(bad, 'file')} that can't be used" if bad else ""), width="stretch")
        download_csv(lambda: answers_table(batch.answers, grounds, coverage), "predictions.csv", "answers")
        document = lambda: json.dumps(answers_document(batch.answers, grounds, coverage), indent=1, ensure_ascii=False)  # noqa: E731
        st.download_button("Download JSON", document, "predictions.json", "application/json", key="download_answers_json", icon=":material/download:", on_click="ignore")


def many(batch: Batch, models: list[Asked], coverage: float) -> None:
    """A table of all, or the confusion matrix; below, the ticked picture closely."""
    table = overview(batch.answers, [each.name for each in models])
    if table.empty:
        return
    by_folders = {each.name: found for each in models if (found := judged(batch.answers, each.name)) is not None}
    if by_folders:
        score(by_folders, alone=len(models) == 1)
        if choice("Show", VIEWS, "answers_view", "show") == VIEWS[1]:
            places = confusion(by_folders)
            table = table if places is None else table.loc[places]
    place = answer_table(choose(table, models), batch, models)
    if place is not None:
        answer(batch.closely(place), str(place), models, coverage)


def page() -> None:
    runs = pick_runs("Models", "predict_runs", MOST, "Up to three finished runs; each gets the same pictures.")
    if runs is None:
        return
    if not runs:
        st.info("Choose a model, then add pictures.", icon=":material/add_photo_alternate:")
        return
    models = load(runs)
    not_told(models)
    chosen = source()
    if chosen == LIVE:
        return live_answers(models)
    pictures = given(chosen, runs[0])
    if pictures is None:
        return
    coverage = coverage_slider(models)
    batch = asked(pictures, models)
    told(batch)
    if not batch.answers:
        return
    downloads(batch, models, coverage)
    if batch.few:
        for place, one in enumerate(batch.answers):
            if not one.error:
                answer(one, str(place), models, coverage)
    else:
        many(batch, models, coverage)


head("Try a model on pictures of yours", "Choose one to three finished runs and add pictures: what each says, how sure that is, and what it comes from.")
with guarded():
    page()
