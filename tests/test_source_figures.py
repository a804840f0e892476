"""Runs are compared on their source only where its test pictures are the same."""

from __future__ import annotations

import dataclasses

import pytest

from tests.finished_run import digits_predictions
from tlcore import metrics
from tlcore.errors import ConflictError
from tlcore.source_figures import source_figures
from tlcore.store import Store


@pytest.fixture
def pair(workspace):
    store = Store.open(workspace)
    numbers = [store.add_job("train", name, {"config": {"dataset": "d", "source": {"dataset": f"s{name}"}}}) for name in "ab"]
    return [store.job(number) for number in numbers]


def test_figures_of_each_run_on_the_same_pictures_in_whatever_order(pair):
    weak, strong = digits_predictions(0.0001), digits_predictions(1.0)
    turned = dataclasses.replace(strong, **{field: getattr(strong, field)[::-1] for field in ("rows", "content_ids", "labels", "probabilities")})
    found = source_figures(pair, dict(zip((run.id for run in pair), (weak, turned), strict=True)).__getitem__)
    assert found.metrics["title"].tolist() == ["a", "b"] and set(found.predictions) == {run.id for run in pair}
    expected = [metrics.evaluate(each.labels, each.probabilities) for each in (weak, strong)]
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert found.metrics[name].tolist() == pytest.approx([each[name] for each in expected])


@pytest.mark.parametrize("change", ["other pictures", "other labels"])
def test_other_pictures_are_refused_and_the_sources_named(pair, change):
    one = digits_predictions()
    other = digits_predictions(seed=1) if change == "other pictures" else dataclasses.replace(one, labels=(one.labels + 1) % 10)
    with pytest.raises(ConflictError, match=rf"Runs {pair[0].id} and {pair[1].id} were tested on other pictures of their sources \(sa and sb\)"):
        source_figures(pair, {pair[0].id: one, pair[1].id: other}.__getitem__)
