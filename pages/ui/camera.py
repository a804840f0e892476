"""The camera as a widget: a view of what it sees, and frames handed over while a button is held, or steadily."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.errors import mistakes_kept, show_kept
from tlcore.collecting.collection import Shot
from tlcore.errors import InputError

MOST_FRAMES, MOST_BYTES = 16, 4 << 20  # Of one bundle, and of one frame as it travels; the widget sends far less.
LATEST_MS = 10**13  # Since 1970: in the year 2286.
_ASSETS = Path(__file__).parent / "assets"
_widget = st.components.v2.component(
    "camera", **{kind: (_ASSETS / f"camera.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}
)


def camera(key: str, on_frames: Callable[[int, list[Shot]], object], subject: int = 0, names: Mapping[int, str] | None = None, live: bool = False) -> None:
    """Draw it. on_frames: is given each bundle before the page runs, with what was `subject` when its frames were taken.

    names: of all subjects that there are, for the button. live: one frame after another instead of while a button is held.

    What on_frames can't use is said above the camera. The widget goes on when the page has run to here, so whatever
    takes time belongs before.
    """
    mistake, seen = f"{key}_mistake", f"{key}_seen"

    def use(bundle: Any) -> None:
        try:
            with mistakes_kept(mistake):
                on_frames(*sent(bundle))
        finally:
            st.session_state[seen] = _id(bundle)  # Last: a click meanwhile draws the page beside this.

    def received() -> None:
        widget = st.session_state.get(key)  # None in a session that has just begun, as after a restart of the server.
        if widget is not None and widget.get("frames") is not None:
            use(widget["frames"])

    show_kept(mistake)
    widget = _widget(key=key, data={"live": live, "subject": subject, "names": dict(names or {}), "seen": st.session_state.get(seen, "")}, on_frames_change=received)
    if widget.frames is not None and _id(widget.frames) != st.session_state.get(seen):
        use(widget.frames)
        st.rerun(scope="fragment" if live else "app")


def sent(bundle: Any) -> tuple[int, list[Shot]]:
    """The subject and the frames of what the browser sent, which may be anything. Raises InputError."""
    try:
        subject, frames = bundle["subject"], bundle["frames"]
        if not isinstance(subject, int) or not isinstance(frames, list) or not 0 < len(frames) <= MOST_FRAMES:
            raise ValueError
        return subject, [_shot(frame["jpeg"], float(frame["at_ms"])) for frame in frames]
    except (TypeError, KeyError, ValueError, OverflowError, binascii.Error):
        raise InputError("The browser sent something that is no picture of its camera. Reload the page and take it again.") from None


def _shot(text: str, at_ms: float) -> Shot:
    if not isinstance(text, str) or len(text) > MOST_BYTES or not 0 <= at_ms < LATEST_MS:
        raise ValueError
    return Shot(base64.b64decode(text, validate=True), int(at_ms))


def _id(bundle: Any) -> str:
    found = bundle.get("id") if isinstance(bundle, dict) else None
    return found if isinstance(found, str) and len(found) < 100 else ""
