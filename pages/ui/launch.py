"""Beside the settings: what the run would be, warnings, start, several at once, and the settings as YAML."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.ui import forms, label_preset, outlook_view, study_draft, weights_choice
from pages.ui.domains_view import domain_counts
from pages.ui.errors import guarded, show_kept
from pages.ui.settings_choice import in_link
from pages.ui.state import store, toast_next, workspace
from pages.ui.text import count, literal, millions, size
from tlcore import jobs
from tlcore.backbones import BACKBONES, BackboneSpec
from tlcore.cache import check_budget
from tlcore.config import RunConfig, load_yaml, parse
from tlcore.datasets.domains import learnt_counts
from tlcore.errors import InputError, TLError
from tlcore.forecast.figures import forecast
from tlcore.store import DatasetRecord

MOST_AT_ONCE = 50
MOST_NAMED = 6


def panel(record: DatasetRecord, backbone: BackboneSpec) -> None:
    """Everything between the settings and the start of the run."""
    with st.container(border=True, key="launch"):
        st.subheader("Before it starts", anchor=False)
        config, problem = _checked(record)
        shown = None
        if config is not None:
            shown, problem = _figures(config, backbone, record)
        if problem:
            st.error(literal(problem), icon=":material/error:")
        forms.field("name", placeholder=config.title if config else "made from the settings")
        ready = config is not None and problem is None
        _start(config if ready else None, shown)
        label_preset.section(config if ready else None, record)
        if config is not None:
            _questions(config)
        with st.popover("Queue several", icon=":material/playlist_add:", disabled=not ready, width="stretch"):
            if config is not None:
                _several(config, record)
    _yaml(config)


def _checked(record: DatasetRecord) -> tuple[RunConfig | None, str | None]:
    """The configuration in the widgets, or the sentence that says what is wrong with it."""
    try:
        config = parse(forms.collect(), "Settings")
        jobs.check_run(config, record, store())
    except TLError as error:
        return None, str(error)
    return config, None


def _figures(config: RunConfig, backbone: BackboneSpec, record: DatasetRecord) -> tuple[outlook_view.Look | None, str | None]:
    """Time, memory, disk, parameters, pictures and warnings; the sentence of a split that can't be made."""
    try:
        roles = domain_counts(config, record)
    except TLError as error:
        return None, str(error)
    shown, unlabelled = _look(config, record), int(roles["unlabelled"].sum())
    counts = learnt_counts(roles, config.strategy)
    expected = forecast(config, backbone, record, counts, unlabelled, weights_choice.known(config.backbone))
    parts = {name: int(counts[part].sum()) for part, name in (("train", "training"), ("val", "validation"), ("test", "test"))}
    rows = {
        **(outlook_view.rows(shown.expected) if shown else {}),
        "Parameters that learn, about": millions(expected.learning_params),
        "Parameters that stay": millions(expected.frozen_params),
        "Classes": str(len(counts)),
        **{f"Pictures for {name}": f"{number:,}" for name, number in parts.items()},
        **({"Pictures without labels": f"{unlabelled:,}" + ("" if config.strategy.reads_unlabelled else ", not used")} if unlabelled else {}),
    }
    rows["Cache at most"] = size(expected.cache_bytes)
    st.table(rows, border="horizontal", alt="Time, memory, disk, parameters, pictures of each part, and cache size of this run")
    if shown:
        outlook_view.notes(shown, config, record)
    for warning in [*expected.warnings, *_beyond_budget(expected.cache_bytes, backbone)]:
        st.warning(literal(warning), icon=":material/warning:")
    return shown, None


def _look(config: RunConfig, record: DatasetRecord, probe: bool = True) -> outlook_view.Look | None:
    """The forecast; None where it can't be made, which is no reason not to start."""
    try:
        return outlook_view.look(config, record, probe)
    except (TLError, OSError):
        return None


def _beyond_budget(cache_bytes: int, backbone: BackboneSpec) -> list[str]:
    """The sentence with which the run would end, where the cache may not take what it needs."""
    try:
        check_budget(workspace(), cache_bytes, backbone.name)
    except TLError as error:
        return [str(error)]
    return []


def _start(config: RunConfig | None, shown: outlook_view.Look | None) -> None:
    """One run a click; both clicks of a double click carry the same token."""
    clicked = st.button("Start", key="start", type="primary", icon=":material/play_arrow:", disabled=config is None, width="stretch")
    if not clicked or config is None:
        st.session_state["start_token"] = uuid.uuid4().hex
        return
    with guarded():
        forecast = shown.expected.to_json() if shown else None
        run = jobs.submit_run(store(), workspace(), config, token=st.session_state["start_token"], forecast=forecast)
        toast_next(f"Run {run} is queued.", icon=":material/schedule:")
        st.switch_page("runs.py", query_params={"run": str(run)})


def variants(config: RunConfig, names: list[str], depths: list[int]) -> tuple[list[RunConfig], list[str]]:
    """The same run with every backbone and depth; and what gives no run, each with the reason."""
    found, others = [], []
    for name in names:
        spec = BACKBONES[name]
        same = name == config.backbone.name
        weights = config.backbone.weights if same or config.backbone.weights in spec.weights else spec.weights[0]
        elsewhere = {"weight_set": config.backbone.weight_set, "run": config.backbone.run} if same else {}
        side = config.backbone.input_size if same or (config.backbone.input_size or 0) >= spec.min_size else None
        for depth in depths:
            if depth > len(spec.blocks):
                others.append(f"{depth}: {name} has {count(len(spec.blocks), 'block')}")
                continue
            changed = {"name": "", "backbone": {"name": name, "weights": weights, "input_size": side, **elsewhere}, "freeze": {"trainable_blocks": depth}}
            try:
                found.append(parse({**config.model_dump(mode="json"), **changed}, f"{depth} of {name}"))
            except InputError as error:  # A strategy may need blocks that learn.
                others.append(str(error).removesuffix("."))
    return list({run.hash(): run for run in found}.values()), others


def no_numbers(text: str) -> list[str]:
    """The parts of a list of depths that are none."""
    return [f"'{part[:60]}' is no {'whole ' if part[0] in '-+.0123456789' else ''}number" for part in dict.fromkeys(forms.listed(text)[1])]


def _questions(config: RunConfig) -> None:
    """The way to what Tune can tell of these settings before they run."""
    settings = in_link(config)
    with st.container(horizontal=True, key="questions"):
        st.page_link("tune.py", label="Search these settings", icon=":material/tune:", query_params=study_draft.of_run(config), help="A study tries many values of them, and keeps what scores best.")
        st.page_link("tune.py", label="Find a learning rate", icon=":material/speed:", query_params={"tab": "rate", **settings})
        st.page_link("tune.py", label="Would more labels help?", icon=":material/trending_up:", query_params={"tab": "more", **settings})


def _several(config: RunConfig, record: DatasetRecord) -> None:
    """One run for every backbone and depth chosen."""
    st.markdown("One run for each network and depth, with the other settings as they are.")
    names = st.multiselect("Networks", list(BACKBONES), default=[config.backbone.name], key="several_names")
    text = st.text_input("Blocks that learn", "0, 1, 2", max_chars=1000, key="several_depths", help="Depths with commas between.")
    runs, others = variants(config, names, sorted(set(forms.numbers(text))))
    enough = 0 < len(runs) <= MOST_AT_ONCE
    st.caption(f"{count(len(runs), 'run')}; {MOST_AT_ONCE} at most" if enough or not runs else f"{len(runs)} runs are too many; {MOST_AT_ONCE} at most")
    missing = others + no_numbers(text)
    if missing:
        more = f"; and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        st.warning(literal("Left out: " + "; ".join(missing[:MOST_NAMED]) + more + "."), icon=":material/warning:")
    clicked = st.button(f"Queue {count(len(runs), 'run')}", key="queue_several", icon=":material/playlist_add:", disabled=not enough)
    if not clicked or not enough:
        st.session_state["several_token"] = uuid.uuid4().hex
        return
    with guarded():
        record = store().dataset(config.dataset)
        for run in runs:  # All are checked before the first is queued.
            jobs.check_run(run, record, store())
        for place, run in enumerate(runs):
            shown = _look(run, record, probe=False)
            forecast = shown.expected.to_json() if shown else {}
            jobs.submit_run(store(), workspace(), run, token=f"{st.session_state['several_token']}-{place}", forecast=forecast)
        toast_next(f"{count(len(runs), 'run is', 'runs are')} queued.", icon=":material/schedule:")
        st.switch_page("runs.py", query_params={})


def _yaml(config: RunConfig | None) -> None:
    """The settings out as YAML, and in."""
    with st.expander("Settings as YAML", icon=":material/code:"):
        if config is not None:
            text = config.to_yaml()
            st.code(text, language="yaml", height=260)
            st.download_button("Download", text, "run.yaml", "application/yaml", icon=":material/download:", on_click="ignore")
            st.caption("The same file works with `python -m tlcore train run.yaml`.")
        st.text_area("Paste settings", key="yaml_text", height=140, placeholder="dataset: digits\ntrain: {epochs: 5}")
        st.file_uploader("or upload a file", type=["yaml", "yml", "json"], key="yaml_file", max_upload_size=1)
        st.button("Put into the form", key="yaml_apply", icon=":material/input:", on_click=_adopt)
        show_kept("yaml_error")


def _adopt() -> None:
    """Fill the widgets from the YAML; keep the sentence for the next run where that can't be."""
    file = st.session_state.get("yaml_file")
    try:
        text = file.getvalue().decode("utf-8") if file else st.session_state["yaml_text"]
        config = parse(load_yaml(text), "YAML")
        record = store().dataset(config.dataset)
        jobs.check_run(config, record, store())
        forms.fill(config)
        toast_next("The settings are in the form.", icon=":material/check_circle:")
    except TLError as error:
        st.session_state["yaml_error"] = str(error)
    except UnicodeDecodeError:
        st.session_state["yaml_error"] = f"{file.name}: not a text file. Give YAML in UTF-8."
