"""Which weights the backbone begins with, where they are from elsewhere: a weight set, or a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import add_weights, backbone_card, forms
from pages.ui.state import guarded, read_text, store, toast_next, workspace, write_query
from pages.ui.text import count, literal
from tlcore import chains, weight_jobs, weight_sets
from tlcore.backbones import ELSEWHERE, BackboneSpec
from tlcore.config import BackboneConfig
from tlcore.errors import NotFoundError
from tlcore.store import JobState
from tlcore.weight_sets import Training, WeightSet

SET, RUN = "backbone.weight_set", "backbone.run"
MOST_NAMED, MOST_RUNS = 5, 200


def section(backbone: BackboneSpec) -> None:
    """The choice of a set or a run where weights are from elsewhere, what is known of them, and the backbone's card."""
    weights = st.session_state["backbone.weights"]
    write_query(**{key: None for key, kind in ((SET, "set"), (RUN, "run")) if weights != kind})
    if weights == "set":
        _choose_set(backbone)
    elif weights == "run":
        _choose_run(backbone)
    config = _config(backbone, weights)
    if weights in ELSEWHERE:
        backbone_card.card(backbone, "Weights from elsewhere: none chosen yet" if config is None else f"Trained on {weight_sets.in_words(known(config) or ())} · weights: from elsewhere")
    else:
        backbone_card.card(backbone)
    if weights == "set":
        add_weights.panel(backbone)


def known(config: BackboneConfig) -> tuple[Training, ...] | None:
    """What weights from elsewhere have been trained on; None where nobody knows."""
    try:
        return chains.trained_on(store(), config)
    except NotFoundError:
        return None


def _config(backbone: BackboneSpec, weights: str) -> BackboneConfig | None:
    """The backbone's settings as chosen; None while nothing is."""
    key = {"set": SET, "run": RUN}.get(weights)
    value = st.session_state.get(key) if key else None
    return BackboneConfig.model_validate({"name": backbone.name, "weights": weights, str(key).partition(".")[2]: value}) if value else None


def _choose_set(backbone: BackboneSpec) -> None:
    sets = {each.id: each for each in weight_sets.listed(workspace(), backbone.name)}
    by_name = {each.name: each.id for each in sets.values()}
    new = add_weights.just_added()
    if new in sets:
        st.session_state[SET] = new
    chosen = _pick(SET, {set_id: each.name for set_id, each in sets.items()}, by_name, f"weights for {backbone.name}", "Add a file below")
    if chosen is not None:
        _report(sets[chosen])


def _report(found: WeightSet) -> None:
    """What became of the file's layers, before anything trains with them."""
    report = found.report
    st.caption(literal(f"From {found.origin}: {report}."))
    random = [*report.mismatched, *report.missing]
    if random:
        st.warning(literal(f"{count(len(random), 'layer keeps', 'layers keep')} random weights: {_first(random)}."), icon=":material/warning:")
    if report.unused:
        st.caption(literal(f"Layers of the file that {found.backbone} doesn't have: {_first(report.unused)}."))
    with st.popover("Delete this set", icon=":material/delete:", type="tertiary", key="weights_delete_open"):
        st.markdown(f"Delete the weights {literal(found.name)}? A set that a run uses stays.")
        st.button("Delete weights", key="weights_delete", type="primary", icon=":material/delete:", on_click=_delete, args=(found.id,))


def _delete(set_id: str) -> None:
    with guarded():
        weight_jobs.delete(store(), set_id)
        st.session_state[SET] = None
        write_query(**{SET: None})
        toast_next("Weights deleted.", icon=":material/delete:")


def _first(names: tuple[str, ...] | list[str]) -> str:
    return "; ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _choose_run(backbone: BackboneSpec) -> None:
    done = {job.id: job for job in store().jobs("train", states=[JobState.done], limit=MOST_RUNS) if job.payload["config"].get("backbone", {}).get("name", "ResNet20") == backbone.name}
    titles = {run: f"{run} · {job.title}" for run, job in done.items()}
    for each in weight_sets.listed(workspace(), backbone.name):
        if each.run is not None:  # Its run may be deleted; what it had learnt is here.
            titles.setdefault(each.run, f"{each.run} · {each.name}")
    chosen = _pick(RUN, titles, {str(run): run for run in titles}, f"finished runs with {backbone.name}", "Train one first")
    if chosen in done and not done[chosen].payload["config"].get("freeze", {}).get("trainable_blocks"):
        st.caption(f"Run {chosen} left all its blocks frozen: they are as they were before it.")


def _pick(key: str, titles: Mapping[Any, str], others: Mapping[str, Any], what: str, remedy: str) -> Any:
    """A choice among what is here. The address holds the id, not the title; `others` gives ids for what else a link may say."""
    asked, linked, written = st.session_state.get(key), read_text(key), f"{key}.written"
    if linked is not None and linked != st.session_state.get(written):
        asked = linked
    chosen = asked if asked in titles else others.get(str(asked))
    if asked is not None and chosen is None:
        st.warning(literal(f"{forms.LABELS[key]} '{str(asked)[:60]}' is not among the {what} here. Choose another."), icon=":material/search_off:")
    st.session_state[key] = chosen
    picked = st.selectbox(
        forms.LABELS[key], list(titles), index=None, key=key, format_func=lambda each: titles.get(each, str(each)), help=forms.setting(key).description,
        placeholder=f"Choose one of {len(titles)}" if titles else f"No {what} yet. {remedy}", persist_state="session",
    )
    st.session_state[written] = None if picked is None else str(picked)
    write_query(**{key: st.session_state[written]})
    return picked
