"""The report of a comparison: one file, no network, nothing from outside that runs, and the numbers of the document."""

from __future__ import annotations

import datetime
import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.finished_run import finished_run
from tests.simulated import models
from tlcore import cli, report_charts
from tlcore.compare import Comparison, compare_runs
from tlcore.figure_words import with_interval
from tlcore.metrics import FIGURES
from tlcore.report import report
from tlcore.results import Predictions
from tlcore.store import Store
from tlcore.svg import ticks
from tlcore.workspace import Workspace

EVIL = "<script>alert(1)</script> & \"quoted\" http://evil.example/x.png"


class Page(HTMLParser):
    """What a browser would load or run, and the texts of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "xlink:href", "action", "data") or name.startswith("on")]
        self.loads += [value for name, value in attrs if name == "style" and value and "url(" in value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("reported") / "workspace").create()


@pytest.fixture(scope="module")
def store(workspace) -> Store:
    return Store.open(workspace)


@pytest.fixture(scope="module")
def runs(store, workspace):
    """One run with a name that would run as a script, one like it with another seed, and a weaker one."""
    changes = ({"name": EVIL, "train__epochs": 4}, {"name": EVIL, "train__epochs": 4, "train__seed": 7}, {"name": "short", "train__epochs": 1, "optimizer__learning_rate": 1.0})
    return [store.job(finished_run(store, workspace, **each)) for each in changes]


@pytest.fixture(scope="module")
def comparison(runs, workspace) -> Comparison:
    return compare_runs(runs, workspace)


@pytest.fixture(scope="module")
def written(comparison, runs, store) -> str:
    return report(comparison, {run.id: store.epochs(run.id) for run in runs}, runs, datetime.datetime(2031, 2, 3, 4, 5))


def test_it_loads_nothing_runs_nothing_and_shows_names_as_they_are(written):
    page = Page(written)
    assert not {"script", "img", "link", "iframe", "object", "image", "use"} & set(page.tags) and not page.loads
    assert "url(" not in written and "@import" not in written
    assert EVIL not in written and html.escape(EVIL, quote=False).replace('"', "&#34;") in written
    assert EVIL in page.texts and "default-src 'none'" in written


def test_its_numbers_are_those_of_the_document(written, comparison):
    document, page = comparison.to_document(), Page(written)
    for row in document["runs"]:
        for figure in FIGURES:
            told, _, interval = with_interval(figure, row[figure], comparison.intervals[row["run"]][figure]).partition(" (")
            assert f"{'★ ' if document['best'][figure] == row['run'] else ''}{told}" in page.texts and (not interval or interval.rstrip(")") in page.texts), figure
    for pair in comparison.pairs:
        assert pair.outcome("accuracy", comparison.spoken) in page.texts
    assert comparison.best["accuracy"] is None and comparison.pairs[1].differences["accuracy"].better == comparison.runs[0], "the seeds are equal, the third is worse"
    assert f"{len(comparison.labels)} test pictures, the same for all runs" in page.texts and any("2031-02-03 04:05" in text for text in page.texts)
    matrix = document["runs"][0]["confusion"]
    first = re.search(r'<table class="matrix">.*?</table>', written, re.DOTALL)
    assert first and [int(cell or 0) for cell in re.findall(r"<td[^>]*>(\d*)</td>", first[0])] == [count for row in matrix for count in row]
    assert "optimizer.learning_rate" in page.texts and f"Runs {comparison.runs[0]}, {comparison.runs[1]}" in page.texts


def test_every_chart_is_drawn_and_described(written, comparison):
    drawings = re.findall(r'<svg[^>]*aria-label="([^"]+)"', written)
    assert drawings[:4] == [f"{name}, 95% interval" for name in ("Accuracy", "Macro F1", "Log loss (nats)", "ECE")]
    assert {"Accuracy on the validation pictures", "Loss on the validation pictures", "recall"} <= set(drawings)
    assert written.count("<polyline") == 2 * len(comparison.runs) and not re.search(r"\bnan\b", written, re.IGNORECASE)


def test_many_classes_are_drawn_small_with_the_worst_pairs_beside(runs, workspace):
    labels, given = models(np.random.default_rng(0), [4] * 30, [1.0, 2.0])
    names = tuple(f"kind {c}" for c in range(30))
    ids = np.array([f"{row:064x}" for row in range(120)])
    predictions = {run.id: Predictions("test", np.arange(120), ids, labels, each.astype(np.float32), names) for run, each in zip(runs, given, strict=False)}
    text = report(compare_runs(runs[:2], workspace, predictions.__getitem__), {}, runs[:2])
    assert text.count(">Taken for<") == 2 and f'aria-label="Confusion matrix of run {runs[0].id}"' in text and 'class="matrix"' not in text
    assert "<polyline" not in text, "no curves without epochs"


def test_ticks_are_round_numbers():
    assert ticks(0.72, 0.93, 5) == [0.75, 0.8, 0.85, 0.9] and ticks(0, 10, 6) == [0, 2, 4, 6, 8, 10] and ticks(3, 3) == [3]


def test_a_bar_without_an_interval_is_a_point_alone():
    drawn = report_charts.intervals([report_charts.Bar("a", 0.5, float("nan"), float("nan"))], "share", "{:g}".format)
    assert drawn.count("<path") == 1 and "nan" not in drawn
    assert report_charts.intervals([report_charts.Bar("a", float("nan"), float("nan"), float("nan"))], "share", "{:g}".format) == ""


def test_the_command_line_writes_it_whole_as_page_document_or_table(runs, workspace, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    ids = [str(run.id) for run in runs]
    for name, begins in (("r.html", "<!doctype html>"), ("r.json", '{\n  "domain": "target"'), ("r.csv", "run,title,accuracy,accuracy_low")):
        assert cli.main(["compare", *ids, "--report", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.html", "r.json"]
    assert "The report is in" in capsys.readouterr().out
    for name, said in (("r.pdf", "ends in .html, .json, .csv"), ("absent/r.html", "can't be written")):
        assert cli.main(["compare", *ids, "--report", str(tmp_path / name)]) == 2 and said in capsys.readouterr().err
