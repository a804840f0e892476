"""How often a live part asks the store."""

from __future__ import annotations

from streamlit.runtime import exists, get_instance

_FASTEST_S = 1.0
_RUNS_A_SECOND = 3.0  # A process manages about five page runs a second; two stay for clicks.


def poll_s(active: bool) -> float | None:
    """Seconds between two looks at the store; None where nothing runs. Slower with more open sessions."""
    if not active:
        return None
    return _pace_s()


def out_of_step(every_s: float | None) -> bool:
    """Whether so many sessions have come or gone that a part which looks every `every_s` should be drawn anew.

    The pace is set when the page runs: those that opened first would keep theirs, however many follow.
    """
    if every_s is None:
        return False
    return not every_s / 2 < _pace_s() < every_s * 2


def _pace_s() -> float:
    return max(_FASTEST_S, _open_sessions() / _RUNS_A_SECOND)


def _open_sessions() -> int:
    sessions = getattr(get_instance(), "_session_mgr", None) if exists() else None  # Private: absent under AppTest.
    return sessions.num_active_sessions() if sessions is not None else 1
