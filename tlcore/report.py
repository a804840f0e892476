"""A comparison as one HTML file that holds all it shows: it opens without a network, prints, and runs no script."""

from __future__ import annotations

import datetime
import functools
import math
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from tlcore import __version__, report_charts
from tlcore.compare import RUN_FIGURES, TEST_FIGURES, Comparison
from tlcore.confusions import worst_pairs
from tlcore.curves import SOURCE_VALIDATION, VALIDATION, curves
from tlcore.curves import figure as curve_figure
from tlcore.cuts import version
from tlcore.disagreement import by_who_is_right
from tlcore.figure_words import (
    RUN_WORDS,
    TEST_WORDS,
    best_mark,
    with_interval,
    with_spread,
    written,
    written_gain,
    written_p,
)
from tlcore.report_charts import Bar
from tlcore.resampling import RESAMPLES
from tlcore.significance import IN_POINTS, Pair, pair_table, resolution
from tlcore.store import Job

CHARTED = ("accuracy", "macro_f1", "log_loss", "ece")
CURVES = ("accuracy", "loss")
MOST_BARS = 60
MOST_NAMED = 4  # Runs up to which every table names them in full.
MOST_IN_CELLS = 20  # Classes up to which a confusion matrix is a table with numbers.
PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "pyarrow")


def report(comparison: Comparison, epochs: Mapping[int, pd.DataFrame], runs: Sequence[Job], made_at: datetime.datetime | None = None) -> str:
    """The page; epochs: of each run as `Store.epochs` gives them, for the curves. All names from outside are escaped."""
    made_at = made_at or datetime.datetime.now().astimezone()
    return _template().render(
        comparison=comparison, heads=list(comparison.names.values()) if len(comparison.runs) <= MOST_NAMED else [f"run {run}" for run in comparison.runs], made=made_at.strftime("%Y-%m-%d %H:%M %Z").strip(), about=_about(comparison, runs), runs=_runs(comparison, runs),
        figures=_figures(comparison), costs=_costs(comparison), charts=_charts(comparison), stars=any(comparison.best.values()), pairs=_pairs(comparison),
        seeds=_seeds(comparison), curves=_curves(comparison, epochs, runs), classes=_classes(comparison), matrices=_matrices(comparison),
        disagreements=_disagreements(comparison), settings=comparison.settings.values.tolist(), words=TEST_WORDS | RUN_WORDS, resamples=f"{RESAMPLES:,}",
    )


@functools.cache
def _template() -> jinja2.Template:
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("comparison.html")


def _about(comparison: Comparison, runs: Sequence[Job]) -> list[tuple[str, str]]:
    """What was compared, on what, when and with what."""
    source = comparison.domain == "source"
    datasets = dict.fromkeys(str(run.config.source.dataset if source else run.config.dataset) for run in runs)
    left_out = ", ".join(f"{count:,} of run {run}" for run, count in comparison.left_out.items() if count)
    found = [
        ("Runs", ", ".join(comparison.names.values())),
        ("Source dataset" if source else "Dataset", ", ".join(datasets)),
        ("Pictures", f"{len(comparison.labels):,} {comparison.pictures}, the same for all runs"),
        *([("Left out", f"{left_out}: not all runs were tested on these pictures")] if left_out else []),
        (f"Classes ({len(comparison.classes)})", ", ".join(comparison.classes)),
    ]
    versions = ", ".join(f"{name} {known}" for name in PACKAGES if (known := version(name)))
    return [*found, ("Made with", f"Transfer Learning Workbench {__version__}, Python {platform.python_version()}, {versions}")]


def _runs(comparison: Comparison, runs: Sequence[Job]) -> list[list[str]]:
    """Number, title, dataset, backbone, strategy, seed."""
    return [[str(run.id), run.title, run.config.dataset, run.config.backbone.name, run.config.strategy.name, str(run.config.train.seed)] for run in runs if run.id in comparison.predictions]


def _figures(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each test figure, and its interval, by run."""
    values = {name: dict(zip(comparison.runs, comparison.metrics[name].tolist(), strict=True)) for name in TEST_FIGURES}
    return [
        (TEST_WORDS[name].title, [_cell(comparison, name, run, value) for run, value in of_runs.items()])
        for name, of_runs in values.items()
    ]


def _cell(comparison: Comparison, name: str, run: int, value: float | None) -> tuple[str, str]:
    told, _, interval = with_interval(name, value, comparison.intervals[run][name]).partition(" (")
    return best_mark(comparison.best, name, run) + told, interval.rstrip(")")


def _costs(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(RUN_WORDS[name].title, [(written(name, value), "") for value in comparison.metrics[name]]) for name in RUN_FIGURES]


def _charts(comparison: Comparison) -> list[Markup]:
    """Some figures as points with their intervals."""
    return [report_charts.intervals(_bars(comparison, name), f"{TEST_WORDS[name].title}, 95% interval", functools.partial(_tick, name)) for name in CHARTED]


def _bars(comparison: Comparison, name: str) -> list[Bar]:
    found = []
    for run, value in zip(comparison.runs, comparison.metrics[name], strict=True):
        low, high = comparison.intervals[run][name] or (math.nan, math.nan)
        found.append(Bar(comparison.names[run], math.nan if value is None else float(value), low, high, best_mark(comparison.best, name, run).strip()))
    return found


def _tick(name: str, value: float) -> str:
    return f"{100 * value:g}%" if name in IN_POINTS else f"{value:g}"


def _pairs(comparison: Comparison) -> dict[str, Any]:
    """All pairs by accuracy in words, as a chart and as a table; and which differences hold in which figure."""
    ordered = comparison.telling_pairs("accuracy")
    table = pair_table(ordered, "accuracy").to_dict("records")
    names = comparison.spoken if len(comparison.runs) <= MOST_NAMED else None  # Else the table of figures says which is which.
    bars = [Bar(f"run {row['ahead']} over run {row['behind']}", 100 * row["gain"], 100 * row["low"], 100 * row["high"]) for row in table]
    return {
        "words": [pair.outcome("accuracy", names) for pair in ordered], "resolution": resolution(ordered), "rows": [_pair_row(row) for row in table],
        "holding": [[f"{pair.a} and {pair.b}", *(_holding(pair, name) for name in TEST_FIGURES)] for pair in ordered],
        "chart": report_charts.intervals(bars, "points of accuracy by which the first is better, 95% interval", "{:g}".format, zero=True),
    }


def _pair_row(row: dict[Any, Any]) -> list[str]:
    gain, low, high = (written_gain("accuracy", row[name]) for name in ("gain", "low", "high"))
    sure = [written_p(row["p"]), written_p(row["p_holm"]), "yes" if row["real"] else "–"]
    alike = [f"{row['only_ahead']:,}", f"{row['only_behind']:,}", f"{row['agreement']:.1%}", written("recall", row["kappa"])]
    return [f"{row['ahead']} over {row['behind']}", gain, f"{low} to {high}", *sure, *alike]


def _holding(pair: Pair, name: str) -> str:
    """Which is better in a figure by how much; a dash where that may be chance."""
    told = pair.differences.get(name)
    return "–" if told is None or told.better is None else f"{told.better} by {written_gain(name, told.gain.value)[1:]}"


def _seeds(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Groups that differ only in the seed: which runs, and each test figure's mean and standard deviation."""
    return [(", ".join(map(str, group["runs"])), [with_spread(name, group[f"{name}_mean"], group[f"{name}_sd"]) for name in TEST_FIGURES]) for group in comparison.groups.to_dict("records")]


def _curves(comparison: Comparison, epochs: Mapping[int, pd.DataFrame], runs: Sequence[Job]) -> list[tuple[str, Markup]]:
    """Accuracy and loss on the validation pictures; of the source where a run may not read the target's labels."""
    without = [comparison.names[run.id] for run in runs if not run.config.strategy.reads_target_labels]
    points = curves({comparison.names[run]: table for run, table in epochs.items() if run in comparison.names}, 0.0, without, metrics=CURVES)
    points = points[points["part"].eq(VALIDATION) | (points["part"].eq(SOURCE_VALIDATION) & points["run"].isin(without))]
    found = []
    for metric in CURVES:
        title = f"{curve_figure(metric).title} on the validation pictures"
        of_metric = {name: points[(points["run"] == name) & (points["metric"] == metric)] for name in comparison.names.values()}
        series = {name: list(zip(part["epoch"].tolist(), part["value"].tolist(), strict=True)) for name, part in of_metric.items()}
        found.append((title, report_charts.lines(series, "epoch", title, functools.partial(_tick, metric))))
    return found


def _classes(comparison: Comparison) -> dict[str, Any]:
    """Recall of the classes that differ most as bars; recall and F1 of all as a table."""
    by_run = {run: part.set_index("class").to_dict("index") for run, part in comparison.class_table.groupby("run", sort=False)}
    order = comparison.by_class("recall")
    shown = order["class"][: max(2, MOST_BARS // len(by_run))]
    groups = {name: [Bar("", part[name]["recall"], part[name]["recall_low"], part[name]["recall_high"], str(run)) for run, part in by_run.items()] for name in shown}
    rows = [
        [row["class"], f"{row['support']:,}", *(f"{part[row['class']]['recall']:.1%} · {part[row['class']]['f1']:.3f}" for part in by_run.values())]
        for row in order.to_dict("records")
    ]
    return {"chart": report_charts.class_bars(groups, "recall", functools.partial(_tick, "accuracy")), "shown": len(shown), "rows": rows}


def _matrices(comparison: Comparison) -> list[dict[str, Any]]:
    """The confusion matrix of each run: a table of numbers, or where there are many classes a drawing and the worst pairs."""
    found: list[dict[str, Any]] = []
    for run, each in comparison.predictions.items():
        matrix = each.confusion
        about: dict[str, Any] = {"name": comparison.names[run], "wrong": len(each) - int(np.trace(matrix))}
        if len(each.classes) <= MOST_IN_CELLS:
            shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            cells = [[(int(value), report_charts.shade(float(shares[i, j]), i == j)) for j, value in enumerate(row)] for i, row in enumerate(matrix)]
            about["rows"] = list(zip(each.classes, cells, strict=True))
        else:
            about["drawing"] = report_charts.large_matrix(matrix, f"Confusion matrix of run {run}")
            about["worst"] = [[row["true"], row["predicted"], f"{row['count']:,}", f"{row['share']:.1%}"] for row in worst_pairs(each, 10).to_dict("records")]
        found.append(about)
    return found


def _disagreements(comparison: Comparison) -> list[tuple[str, str]]:
    """How many pictures the runs disagree on, by who is right."""
    return [(words, f"{int(rows.sum()):,}") for words, rows in by_who_is_right(comparison.disagreements, comparison.runs).items()]
