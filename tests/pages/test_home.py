"""Home: the button queues one run, rows say how runs stand, the machine is there."""

from __future__ import annotations

import pytest

from pages.ui import cache_panel
from tests.pages.conftest import texts
from tests.stored_rows import store_segment
from tlcore import config, devices, jobs, machine
from tlcore.budget import GB, budget
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


@pytest.fixture
def stored(empty, monkeypatch):
    """Six keys with a segment each, the highest number used last."""
    monkeypatch.delenv("TLCORE_CACHE_GB", raising=False)
    cache_panel._contents.clear()
    for number in range(6):
        store_segment(empty, f"key{number}", number, 3600 * (10 - number), input_size=32 * (number + 1))
    yield empty
    cache_panel._contents.clear()


def toasts(app):
    return "\n".join(toast.value.replace("\\", "") for toast in app.toast)


def test_the_cache_is_shown_with_its_budget_and_what_fills_it(stored, open_page):
    app = open_page()
    assert f"601 kB of {budget(stored).text}" in set(map(str, app.table[0].value.to_numpy().ravel()))
    shown = texts(app).replace("\\", "")
    assert "**MobileNetV2 · 32 px · pooled**: 100 pictures, 100 kB, used 10 h ago" in shown
    assert "1 smaller one: 100 kB" in shown


def test_a_budget_set_on_home_is_kept_and_makes_room_at_once(stored, open_page):
    app = open_page()
    field = f"cache_gb_{budget(stored).bytes}"
    app.number_input(key=field).set_value(20.0)
    app.button(key="cache_save").click().run()
    assert budget(stored).bytes == 20 * GB and "The cache may take 20 GB." in toasts(app)
    for number in range(6, 12):
        store_segment(stored, f"key{number}", number, 0)
    app.number_input(key=f"cache_gb_{20 * GB}").set_value(0.001)
    app.button(key="cache_save").click().run()
    assert "Removed 300 kB" in toasts(app)
    assert sorted(path.name for path in stored.activations.iterdir()) == sorted(f"key{number}" for number in range(3, 12))
    assert "kB of 1.0 MB" in str(app.table[0].value)


def test_a_budget_of_the_environment_is_shown_and_cannot_be_changed_here(stored, open_page, monkeypatch):
    monkeypatch.setenv("TLCORE_CACHE_GB", "3")
    app = open_page()
    assert app.number_input(key=f"cache_gb_{3 * GB}").disabled and app.button(key="cache_save").disabled
    assert "Now 3 GB, set by TLCORE_CACHE_GB." in texts(app).replace("\\", "")


def test_a_wrong_environment_costs_a_sentence_and_not_the_page(stored, open_page, monkeypatch):
    monkeypatch.setenv("TLCORE_CACHE_GB", "much")
    app = open_page()
    assert "TLCORE_CACHE_GB is 'much'" in texts(app).replace("\\", "")
    assert app.button(key="start_demo")


def test_emptying_the_cache_removes_it_and_says_so(stored, open_page):
    app = open_page()
    app.button(key="cache_empty").click().run()
    assert not list(stored.activations.iterdir()) and "Removed 600 kB" in toasts(app)
    assert "Nothing is stored yet." in texts(app) and "0 B of" in str(app.table[0].value)
