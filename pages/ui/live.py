"""How often a live part asks the store."""

from __future__ import annotations

from streamlit.runtime import exists, get_instance

_FASTEST_S = 1.0
_RUNS_A_SECOND = 3.0  # A process manages about five page runs a second; two stay for clicks.


def poll_s(active: bool) -> float | None:
    """Seconds between two looks at the store; None where nothing runs. Slower with more open sessions."""
    if not active:
        return None
    return max(_FASTEST_S, _open_sessions() / _RUNS_A_SECOND)


def _open_sessions() -> int:
    sessions = getattr(get_instance(), "_session_mgr", None) if exists() else None  # Private: absent under AppTest.
    return sessions.num_active_sessions() if sessions is not None else 1
