"""A study that isn't started yet: as text for the link, so that neither a refresh nor a look at another page loses it."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from pages.ui.settings_choice import in_link
from pages.ui.state import read_text, write_query
from tlcore.config import RunConfig, load_yaml, parse
from tlcore.errors import TLError
from tlcore.tuning import presets
from tlcore.tuning.study import Study, parse_study

KEPT = "study_draft"  # In the session: for those who come back from another page, and for what is too long for an address.
LONGEST = 8000  # Letters in an address.
OF_A_STUDY = {"base", "space", "sampler", "pruner", "budget"}


def as_draft(study: Study) -> str:
    """A study as one line of JSON; what is as usual is left out."""
    document = study.model_dump(mode="json", exclude_defaults=True)
    document["base"] = {**document.get("base", {}), "strategy": {**document.get("base", {}).get("strategy", {}), "name": study.base.strategy.name}}  # Each kind has its own for a default.
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def read_draft() -> tuple[str, Study | None]:
    """The text that the link or the session holds, "" for none, and the study that it is; an unreadable one is said."""
    text = read_text("draft") or st.session_state.get(KEPT) or ""
    if not text:
        return "", None
    try:
        return text, parse_study(_mapping(text), "The link")
    except TLError:
        keep("")
        st.warning("The link holds a study that can't be read. Choose its settings anew.", icon=":material/search_off:")
        return "", None


def keep(text: str) -> None:
    """Remember the text: in the session, and in the link where it fits. "" forgets it."""
    st.session_state[KEPT] = text
    write_query(draft=text if len(text) <= LONGEST else None)


def from_yaml(text: str) -> Study:
    """A study from its YAML; settings of one run become a quick search of them. Raises InputError."""
    document = load_yaml(text, "YAML")
    return parse_study(document, "YAML") if OF_A_STUDY & document.keys() else presets.quick_search(parse(document, "YAML"))


def of_run(config: RunConfig) -> dict[str, str | list[str]]:
    """Tune's address for a search that starts from these settings."""
    return {"study": "new", "draft": as_draft(presets.quick_search(config)), **in_link(config)}


def _mapping(text: str) -> dict[str, Any]:
    return load_yaml(text, "The link")
