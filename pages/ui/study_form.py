"""The form of a new study: from which settings, what is searched, how, for how long; what it will take; start."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui import axis_form, forms, study_actions
from pages.ui.errors import guarded, show_kept
from pages.ui.outlook_view import between
from pages.ui.settings_choice import change_link, choose_settings
from pages.ui.state import store, toast_next
from pages.ui.study_charts import title_of
from pages.ui.study_draft import as_draft, from_yaml, keep, read_draft
from pages.ui.text import literal
from tlcore.config import RunConfig
from tlcore.errors import TLError
from tlcore.forecast.rates import Band
from tlcore.tuning import outlook, presets
from tlcore.tuning.axes import SEARCHABLE
from tlcore.tuning.study import (
    METRICS,
    MOST_SEEDS,
    MOST_TRIALS,
    Study,
    check,
    parse_study,
)

PRESETS: dict[str, tuple[str, str, Callable[[RunConfig], Study]]] = {
    "quick": ("Quick search", "Head, learning rate and dropout, 30 trials: on stored features a matter of a minute or two.", presets.quick_search),
    "depth": ("Freeze-depth sweep", "Every number of blocks that learn, each with three seeds: how deep is worth its time?", presets.depth_sweep),
}
SAMPLERS = {"tpe": "TPE: learns where good values lie", "random": "Random", "grid": "Grid: every combination of lists"}
PRUNERS = {"none": "Never", "median": "Below the median of the others", "halving": "Successive halving"}
PLAIN = ("name", "sampler", "pruner", "goal.metric", "goal.seconds", "budget.trials", "budget.minutes", "seeds", "finalists", "seed")
LOADED, SEARCHED, REFUSED = "study_form_loaded", "study.searched", "study_refused"


def study_form() -> None:
    """The whole form; before there are settings to start from, where to get them."""
    text, study = read_draft()
    if study is None:
        _where_from()
        return
    if st.session_state.get(LOADED) != text or SEARCHED not in st.session_state:
        _fill(study)
        st.session_state[LOADED] = text
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Ready studies", anchor=False)
        _ready(study.base)
        _space()
        _how()
    with right, guarded():
        _panel(study.base)


def _where_from() -> None:
    """Three ways to the settings that a search starts from."""
    records = store().datasets()
    st.markdown("A study tries settings one after the other, each trial an ordinary run, and keeps what scored best on the validation pictures. It starts from the settings of one run.")
    if not records:
        with st.container(border=True):
            st.markdown("It needs pictures first. The built-in digits take one click.")
            st.page_link("data.py", label="Add a dataset", icon=":material/add_photo_alternate:")
        return
    with st.container(border=True, key="study_begin"):
        config = choose_settings(records)
        if config is not None:
            _ready(config)
            with st.container(horizontal=True, vertical_alignment="center"):
                change_link(config)
    _yaml_in()


def _adopt(make: Callable[[RunConfig], Study], base: RunConfig) -> None:
    """Put a ready study into the form; keep the sentence for the next run where there is none for these settings."""
    try:
        keep(as_draft(make(base)))
    except TLError as error:
        st.session_state[REFUSED] = str(error)


def _ready(base: RunConfig) -> None:
    """The studies that are ready to be started from these settings."""
    with st.container(horizontal=True, key="study_presets"):
        for word, (title, says, make) in PRESETS.items():
            st.button(title, key=f"preset_{word}", icon=":material/tune:", on_click=_adopt, args=(make, base), help=says)
    show_kept(REFUSED)


def _fill(study: Study) -> None:
    """Put a study into the widgets, before they are drawn."""
    state, document = st.session_state, study.model_dump(mode="json")
    for dotted in PLAIN:
        value: Any = document
        for part in dotted.split("."):
            value = value[part]
        state[f"study.{dotted}"] = value
    state[SEARCHED] = [setting for setting in SEARCHABLE if setting in study.space]
    for setting, axis in study.space.items():
        axis_form.fill(setting, axis)


def _space() -> None:
    st.subheader("What is searched", anchor=False)
    chosen = st.pills("Settings", list(SEARCHABLE), selection_mode="multi", key=SEARCHED, format_func=lambda setting: SEARCHABLE[setting].label, label_visibility="collapsed", wrap=True, on_change=_usual)
    st.caption("All others stay as in the settings that the study starts from.")
    with st.grid(2, min_column_width=320):
        for setting in [each for each in SEARCHABLE if each in chosen]:
            axis_form.widgets(setting)


def _usual() -> None:
    """Give a setting that has just been chosen its usual range."""
    for setting in st.session_state[SEARCHED]:
        if axis_form.key(setting, "mode") not in st.session_state:
            axis_form.fill(setting, SEARCHABLE[setting].default)


def _how() -> None:
    st.subheader("How", anchor=False)
    with st.grid(3, min_column_width=190):
        st.selectbox("What is bettered", list(METRICS), key="study.goal.metric", format_func=title_of, help="Measured on the validation pictures after the best epoch.")
        st.selectbox("Sampler", list(SAMPLERS), key="study.sampler", format_func=SAMPLERS.__getitem__, help="How the next settings are chosen. TPE looks near what did well; random looks everywhere; grid takes every combination once.")
        st.selectbox("Stop a trial early", list(PRUNERS), key="study.pruner", format_func=PRUNERS.__getitem__, help="Trials that fall behind the others after the same number of epochs are given up, so that more can be tried.")
        st.number_input("Trials at most", 1, MOST_TRIALS, None, key="study.budget.trials", placeholder="no limit", help="Trials or minutes: one of them is needed.")
        st.number_input("Minutes at most", 0.1, 100_000.0, None, step=5.0, format="%g", key="study.budget.minutes", placeholder="no limit", help="No trial begins after that.")
        st.number_input("Seeds of the finalists", 1, MOST_SEEDS, 1, key="study.seeds", help="How often the best settings are trained, each time with another seed. More: less luck in who wins, and longer.")
        st.number_input("Finalists", 1, 1000, None, key="study.finalists", placeholder="all", help="How many of the best are repeated with those seeds. Empty: all.")
        st.number_input("Seed of the search", 0, 2**31 - 1, 0, key="study.seed", help="Another one tries other settings.")
    st.toggle("Time counts too", key="study.goal.seconds", help="Looks for settings that are good and quick: those that no other beats in both.")


def _document(base: RunConfig) -> dict[str, Any]:
    """The study in the widgets, as its file has it. Raises InputError where a list can't be read."""
    document: dict[str, Any] = {"base": base.model_dump(mode="json"), "space": {}}
    for dotted in PLAIN:
        *parents, last = dotted.split(".")
        at = document
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = st.session_state.get(f"study.{dotted}")
    document["name"] = document["name"] or ""
    chosen = st.session_state[SEARCHED]
    document["space"] = {setting: axis_form.document(setting) for setting in SEARCHABLE if setting in chosen}
    return document


def _panel(base: RunConfig) -> None:
    """What it starts from, what it will take, what is wrong, and Start."""
    with st.container(border=True, key="study_launch"):
        st.subheader("Before it starts", anchor=False)
        st.markdown(f"From the settings of **{literal(base.title)}**")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("train.py", label="Change them on Train", icon=":material/model_training:", query_params={"new": "1", **forms.address(base)})
            st.button("Start from others", key="study_others", type="tertiary", icon=":material/restart_alt:", on_click=_forget)
        study, problem = _checked(base)
        if study is not None:
            text = as_draft(study)
            keep(text)
            st.session_state[LOADED] = text
            if not problem:
                _cost(study)
        if problem:
            st.error(literal(problem), icon=":material/error:")
        st.text_input("Name", key="study.name", max_chars=120, placeholder="made from the settings")
        _start(study if not problem else None)
    if study is not None:
        _yaml_out(study)
    _yaml_in()


def _checked(base: RunConfig) -> tuple[Study | None, str | None]:
    """The study of the widgets, None where it is none, and the sentence that says what is wrong."""
    study = None
    try:
        study = parse_study(_document(base), "Settings")
        check(study, store())
    except TLError as error:
        return study, str(error)
    return study, None


def _cost(study: Study) -> None:
    """Runs and time, before anything is started."""
    expected, runs = _expected(as_draft(study)), outlook.runs(study)
    limit = study.budget.minutes
    rows = {
        "Trials": f"at most {runs.trials:,}" if runs.trials is not None else "as many as the time allows",
        **({"Repeats with other seeds": f"{runs.repeats:,}"} if runs.repeats else {}),
        "Winner's test": "1 run",
        "Time, about": (f"{between(expected)}" if expected else "not known yet") + (f", no trial begins after {limit:g} min" if limit else ""),
    }
    st.table(rows, border="horizontal", alt="Trials, repeats and time of this study")
    if expected and study.pruner != "none":
        st.caption("Trials that are stopped early make it shorter.")


@st.cache_data(max_entries=16, ttl=30, show_spinner=False)
def _expected(draft: str) -> Band | None:
    """What it takes; None where that can't be said, which is no reason not to start."""
    try:
        return outlook.expected(store(), from_yaml(draft))
    except (TLError, OSError):
        return None


def _start(study: Study | None) -> None:
    """One study a click; both clicks of a double click carry the same token."""
    clicked = st.button("Start the study", key="start_study", type="primary", icon=":material/play_arrow:", disabled=study is None, width="stretch")
    if not clicked or study is None:
        st.session_state["study_token"] = uuid.uuid4().hex
        return
    with guarded():
        study_actions.start(study, st.session_state["study_token"])


def _forget() -> None:
    keep("")
    st.session_state.pop(LOADED, None)


def _yaml_out(study: Study) -> None:
    with st.expander("The study as YAML", icon=":material/code:"):
        text = study.to_yaml()
        st.code(text, language="yaml", height=260)
        st.download_button("Download", text, "study.yaml", "application/yaml", icon=":material/download:", on_click="ignore")
        st.caption("The same file works with `python -m tlcore tune study.yaml`.")


def _yaml_in() -> None:
    with st.expander("From YAML", icon=":material/input:", key="study_yaml_open"):
        st.text_area("Paste a study, or the settings of a run", key="study_yaml", height=140, placeholder="base: {dataset: digits}\nspace: {head.dropout: {low: 0.0, high: 0.6}}\nbudget: {trials: 20}")
        st.file_uploader("or upload a file", type=["yaml", "yml", "json"], key="study_yaml_file", max_upload_size=1)
        st.button("Put into the form", key="study_yaml_apply", icon=":material/input:", on_click=_take_yaml)
        show_kept("study_yaml_error")


def _take_yaml() -> None:
    """Fill the form from the YAML; keep the sentence for the next run where that can't be."""
    file = st.session_state.get("study_yaml_file")
    try:
        keep(as_draft(from_yaml(file.getvalue().decode("utf-8") if file else st.session_state["study_yaml"])))
        toast_next("The study is in the form.")
    except TLError as error:
        st.session_state["study_yaml_error"] = str(error)
    except UnicodeDecodeError:
        st.session_state["study_yaml_error"] = f"{file.name}: not a text file. Give YAML in UTF-8."
