"""Home: the button queues one run, rows say how runs stand, the machine is there."""

from __future__ import annotations

import pytest

from tests.pages.conftest import texts
from tlcore import config, devices, jobs, machine
from tlcore.store import JobState


def test_an_empty_workspace_names_the_next_step(empty, open_page):
    app = open_page()
    assert app.title[0].value == "Teach a pretrained network something new"
    assert "No runs yet" in texts(app)
    assert app.button(key="start_demo").label == "Run the demonstration"


def test_the_button_queues_the_demonstration_and_goes_to_it(empty, store, open_page):
    app = open_page()
    app.button(key="start_demo").click().run()
    runs = store.jobs(kind="train")
    assert [run.state for run in runs] == [JobState.queued]
    assert runs[0].config == config.parse(config.DEMO)
    assert app.query_params["run"] == str(runs[0].id)


def test_a_second_click_with_the_same_token_makes_no_second_run(digits, store, open_page):
    app = open_page()
    token = app.session_state["demo_token"]
    app.button(key="start_demo").click().run()
    assert jobs.submit_run(store, digits, config.parse(config.DEMO), token=token) == store.jobs(kind="train")[0].id
    assert len(store.jobs(kind="train")) == 1


def test_latest_runs_are_linked_with_state_as_icon_and_word(digits, store, open_page):
    run = jobs.submit_run(store, digits, config.parse({**config.DEMO, "name": ":red[mine]"}))
    jobs.cancel(store, run)
    app = open_page()
    shown = texts(app)
    assert ":material/cancel: cancelled" in shown
    assert f"Run {run}" in shown
    assert any("\\:red\\[mine\\]" in link.value for link in app.page_link)


def test_the_machine_is_shown(empty, open_page):
    table = open_page().table[0].value
    assert {"Cores", "Memory free", "Disk free", "Graphics card", "Cache", "Datasets"} <= set(table.index.astype(str)) | set(map(str, table.to_numpy().ravel()))


@pytest.mark.parametrize(
    ("cards", "says"),
    [(0, f"none; OpenVINO on {machine.cores()} core"), (2, "2 × NVIDIA H100: two runs at once, mixed precision")],
)
def test_what_the_graphics_cards_are_used_for_is_said(empty, open_page, monkeypatch, cards, says):
    found = tuple(devices.Card(str(number), "NVIDIA H100") for number in range(cards))
    monkeypatch.setattr(devices, "plan", lambda: devices.Plan(found, libraries=True))
    assert says in " ".join(map(str, open_page().table[0].value.to_numpy().ravel()))
