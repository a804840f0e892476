"""Live parts ask less often the more sessions are open, those that were there first as well."""

from __future__ import annotations

import pytest

from pages.ui import live


@pytest.fixture
def sessions(monkeypatch) -> list[int]:
    opened = [1]
    monkeypatch.setattr(live, "_open_sessions", lambda: opened[0])
    return opened


@pytest.mark.parametrize(("number", "every_s"), [(1, 1.0), (3, 1.0), (12, 4.0), (60, 20.0)])
def test_all_sessions_together_look_three_times_a_second_at_most(sessions, number, every_s):
    sessions[0] = number
    assert live.poll_s(True) == every_s and number / every_s <= 3


def test_where_nothing_runs_nothing_is_asked(sessions):
    assert live.poll_s(False) is None
    sessions[0] = 100
    assert not live.out_of_step(None)


def test_the_pace_is_set_anew_when_many_have_come_or_gone(sessions):
    every_s = live.poll_s(True)
    sessions[0] = 5
    assert not live.out_of_step(every_s)
    sessions[0] = 12
    assert live.out_of_step(every_s)
    every_s = live.poll_s(True)
    assert not live.out_of_step(every_s)
    sessions[0] = 1
    assert live.out_of_step(every_s)
