"""How good is it, on what, how sure is that, is it better than doing nothing, and what did it take?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.download import download_csv
from pages.ui.run_domain import domains_of, evaluated
from pages.ui.state import workspace
from pages.ui.text import duration, literal, millions, size
from tlcore.baselines import CENTROID, MAJORITY
from tlcore.evaluation import Evaluation, figure_table
from tlcore.figure_words import TEST_WORDS, between, written
from tlcore.results import load_summary
from tlcore.store import Job
from tlcore.strategies import Adaptation

BASELINES = {
    MAJORITY: ("Majority class", "majority", "A model that gives every picture the shares of the classes that it learnt from, and so always answers the most frequent one."),
    CENTROID: ("Nearest centroid", "centroid", "The class whose mean of the frozen layers' features is nearest: what the backbone gives without learning. It gives no probabilities, so it has no AUC, log loss and ECE."),
}
Cards = dict[str, tuple[str, str]]  # Title → value, meaning.


def summary(run: Job) -> None:
    """One sentence a domain, all figures with intervals and baselines, then what the run took."""
    parts = {domain: evaluated(run, domain) for domain in domains_of(run)}
    with st.container(border=True, key="verdict"):
        for domain, found in parts.items():
            st.markdown(f"{_whose(run, domain) if len(parts) > 1 else ''}**{literal(found.in_words)}**")
    _figures(parts)
    if not parts["target"].predictions.split.endswith("test"):
        st.caption("A trial of a study: it is judged by its validation pictures, which have chosen its epoch too, so these figures are a little too good. The test pictures are left for the winner.")
    if isinstance(run.config.strategy, Adaptation):
        st.caption("The epoch was chosen in the second half of the run by pictures of the source, since no label of the target may choose; it need not be the best one for the target.")
    figures = load_summary(workspace().run(run.id))
    if not isinstance(run.config.strategy, Adaptation) and figures["best_epoch"] == run.config.train.epochs:
        st.info("It was still getting better when it ended: more epochs may reach more. Clone it and raise them.", icon=":material/trending_up:")
    costs = _costs(run, figures)
    _cards(costs)
    download_csv(lambda: _to_take_along(parts, costs), f"run-{run.id}-summary.csv", "summary")


def _whose(run: Job, domain: str) -> str:
    dataset = run.config.dataset if domain == "target" else str(run.config.source.dataset)
    return f"{domain.capitalize()} {literal(dataset)}: "


def _figures(parts: Mapping[str, Evaluation]) -> None:
    """Of each domain the figures, their intervals, and those of the baselines."""
    table: dict[str, list[str]] = {"figure": [words.title for words in TEST_WORDS.values()]}
    columns: dict[str, Any] = {"figure": st.column_config.TextColumn("Figure", pinned=True, width=136)}
    for domain, found in parts.items():
        of = f"{domain.capitalize()}, " if len(parts) > 1 else ""
        table[domain] = [written(name, found.figures[name]) for name in TEST_WORDS]
        table[f"{domain}_interval"] = [between(name, found.intervals[name]) for name in TEST_WORDS]
        columns[domain] = _right(domain.capitalize() if of else "This run", 84, "Pictures as those on which the network shall work." if domain == "target" else "Pictures of the other domain.")
        columns[f"{domain}_interval"] = _right(f"{of}95%" if of else "95% interval", 132, "Where the figure lies with 95% confidence, had other pictures of the same kind been drawn: stratified bootstrap, 2,000 resamples.")
        for baseline, figures in found.baselines.items():
            title, short, meaning = BASELINES[baseline]
            table[f"{domain}_{baseline}"] = [written(name, figures.get(name)) for name in TEST_WORDS]
            columns[f"{domain}_{baseline}"] = _right(of + short if of else title, 124, meaning)
    table["meaning"] = [words.meaning for words in TEST_WORDS.values()]
    columns["meaning"] = st.column_config.TextColumn("What it says", width=540)
    told = ", ".join(written("accuracy", found.figures["accuracy"]) + (f" on the {domain}" if len(parts) > 1 else "") for domain, found in parts.items())
    st.dataframe(pd.DataFrame(table), hide_index=True, height="content", key="figure_table", column_config=columns, alt=f"Figures with 95% intervals and baselines; accuracy {told}")


def _right(title: str, width: int, meaning: str) -> Any:
    return st.column_config.TextColumn(title, width=width, alignment="right", help=meaning)


def _to_take_along(parts: Mapping[str, Evaluation], costs: Cards) -> pd.DataFrame:
    taken = pd.DataFrame({"part": "run", "figure": list(costs), "value": [value for value, _ in costs.values()]})
    return pd.concat([figure_table(parts).astype({"value": object}), taken], ignore_index=True)


def _costs(run: Job, figures: Mapping[str, Any]) -> Cards:
    """Which epoch was chosen, time and size."""
    whose = "the validation pictures" if run.config.strategy.reads_target_labels else "validation pictures of the source"
    return {
        "Best epoch": (f"{figures['best_epoch']} of {figures['epochs']}", f"Chosen on {whose}; accuracy there {figures['best_val_accuracy']:.1%}."),
        "Time": (duration(figures["seconds"]), "Working time, pauses left out."),
        "Parameters": (millions(figures["total_params"]), f"{figures['trainable_params']:,} of {figures['total_params']:,} learned in this run."),
        "Model size": (size(figures["model_bytes"]), "The whole network with its head, float32."),
        "Training pictures": (f"{figures['train_images']:,}", f"{_without(run, figures)}Validation: {figures['val_images']:,}."),
    }


def _without(run: Job, figures: Mapping[str, Any]) -> str:
    """Of the training pictures, those that were read without a label."""
    unlabelled = figures.get("unlabelled_images", 0) if run.config.strategy.reads_unlabelled else 0
    return f"{figures['train_images'] - unlabelled:,} with their labels, {unlabelled:,} without. " if unlabelled else ""


def _cards(cards: Cards) -> None:
    with st.grid(min_column_width=150):
        for label, (value, meaning) in cards.items():
            st.metric(label, value, help=meaning, border=True)
