"""The commands on many runs: what they print, and what they leave in the store."""

from __future__ import annotations

import json

import pytest

from tests.test_run_table import add, settings
from tlcore.cli import main
from tlcore.store import JobState


@pytest.fixture
def run(store, workspace, monkeypatch, capsys):
    """`run("list", "--json")`: what `python -m tlcore runs list --json` prints."""
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))

    def ran(*arguments: str, status: int = 0) -> str:
        assert main(["runs", *arguments]) == status
        out, err = capsys.readouterr()
        return out if status == 0 else err

    return ran


@pytest.fixture
def three(store) -> list[int]:
    return [
        add(store, "first", settings("pets", "ResNet20"), test_accuracy=0.5, seconds=30.0),
        add(store, "second", settings("pets", "VGG16"), test_accuracy=0.75, seconds=10.0),
        add(store, "third", settings("cars", "VGG16"), JobState.failed),
    ]


def listed(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if line.split()[0].isdigit()]


def test_runs_by_itself_lists_them_with_all_choices(run, three):
    assert listed(run()) == listed(run("list")) == [3, 2, 1]
    assert listed(run("--sort", "accuracy", "--dataset", "pets")) == listed(run("list", "--sort", "accuracy", "--dataset", "pets")) == [2, 1]
    assert listed(run("--state", "failed")) == [3] and listed(run("--find", "fir")) == [1] and run("--backbone", "none") == "No run fits.\n"
    few = run("--sort", "seconds", "--limit", "1")
    assert "second  seconds 10" in few and "… and 2 more" in few


def test_tags_are_added_taken_off_and_asked_for(run, three, store):
    assert run("tag", "1", "2", "--add", "good", "--add", "old") == "run 1: good, old\nrun 2: good, old\n"
    run("tag", "2", "--remove", "old")
    assert listed(run("--tag", "good")) == [2, 1] and listed(run("--tag", "good", "--tag", "old")) == [1]
    assert [each["tags"] for each in json.loads(run("--json"))["runs"]] == [[], ["good"], ["good", "old"]]
    assert "[good, old]" in run("--find", "old")
    assert "run 9 not found" in run("tag", "9", "--add", "x", status=2) and "can't be a tag" in run("tag", "1", "--add", "a,b", status=2)


def test_hidden_runs_are_listed_when_asked_for(run, three):
    run("hide", "1", "3")
    assert listed(run()) == [2] and listed(run("--hidden")) == [3, 1] and listed(run("--all")) == [3, 2, 1]
    run("unhide", "1")
    assert listed(run("list")) == [2, 1] and "(hidden)" in run("list", "--hidden")


def test_groups_are_told_with_count_best_mean_and_spread(run, three):
    pets, cars = run("--group", "dataset").splitlines()
    assert " ".join(pets.split()) == "pets 2 runs, accuracy: best 0.75, mean 0.625 ± 0.1768 of 2" and " ".join(cars.split()) == "cars 1 run"
    (group, other) = json.loads(run("list", "--group", "backbone", "--sort", "seconds", "--json"))["groups"]
    assert (group["name"], group["runs"], group["finished"], group["mean"]) == ("VGG16", 2, 1, 10.0) and other["best"] == 30.0
