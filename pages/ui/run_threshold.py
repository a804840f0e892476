"""From which probability on shall a picture be taken for the class to be found? By what a miss and a false alarm cost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import threshold_chart
from pages.ui.download import download_csv
from pages.ui.linked import choice, number_in_link, put_into_link, take_from_link
from pages.ui.run_domain import Tested
from pages.ui.text import count, literal
from tlcore.thresholds import Decision, decide, threshold_table

MOST_COST = 1e6
LINES = {
    "found": "Found", "missed": "Missed", "false_alarms": "False alarms", "rejected": "Rightly left out",
    "precision": "Precision", "recall": "Recall", "accuracy": "Accuracy", "cost": "Cost",
}
SHARES = ("precision", "recall", "accuracy")


def threshold(given: Tested) -> None:
    """Slider and prices, what they lead to, and the cheapest threshold beside it."""
    st.subheader("Threshold", anchor=False)
    classes = given.predictions.classes
    with st.container(horizontal=True, vertical_alignment="bottom"):
        positive = classes.index(choice("Class to find", classes, f"to_find_{given.name}", "positive", default=classes[1]))
        prices = _price("Cost of a miss", "miss_cost", "miss"), _price("Cost of a false alarm", "false_alarm_cost", "false-alarm")
    take_from_link("threshold", "threshold", lambda: number_in_link("threshold", 0.5, 0, 1))
    place = st.slider(
        "Threshold", 0.0, 1.0, step=0.001, format="%.3f", key="threshold", on_change=put_into_link, args=("threshold", "threshold"),
        help="A picture is taken for the class from this probability on. Raised: fewer false alarms, more misses. At 0.5 the run answers as everywhere else.",
    )
    labels, probabilities = given.predictions.labels, given.predictions.probabilities
    yours, cheapest = decide(labels, probabilities, place, positive), given.evaluation.cheapest(positive, *prices)
    _in_words(given, classes[positive], prices, yours, cheapest)
    marked = {"yours": yours, **({"cheapest": cheapest} if cheapest else {})}
    costs = threshold_table(labels, probabilities, positive, *prices)
    left, right = st.columns([3, 2])
    with left:
        points = pd.concat([costs.assign(kind="cost"), pd.DataFrame([{"kind": name, **each.to_json(*prices)} for name, each in marked.items()])], ignore_index=True)
        st.vega_lite_chart(
            points, threshold_chart.spec(st.context.theme.type == "dark", len(labels)), key="threshold_chart",
            alt=f"Cost of the errors on {len(labels)} {given.pictures} over the threshold; at {place:.3f} it is {yours.cost(*prices):g}",
        )
    with right:
        _decisions(marked, prices)
        download_csv(costs, f"{given.name}-thresholds.csv", "thresholds")


def _price(label: str, key: str, name: str) -> float:
    take_from_link(key, name, lambda: number_in_link(name, 1.0, 0, MOST_COST))
    return float(st.number_input(label, 0.0, MOST_COST, step=1.0, format="%g", key=key, width=180, on_change=put_into_link, args=(key, name), help="In any unit; only the ratio of the two counts for the choice."))


def _in_words(given: Tested, name: str, prices: tuple[float, float], yours: Decision, cheapest: Decision | None) -> None:
    """What the threshold does, and the cheapest one beside it."""
    st.markdown(f"{literal(name)} from **{yours.threshold:.3f}** on: of {count(len(given.predictions), 'picture')} it misses **{yours.missed:,}** and raises **{count(yours.false_alarms, 'false alarm')}**, at a cost of **{yours.cost(*prices):,.5g}**.")
    validation = given.evaluation.validation
    if cheapest is None or validation is None:
        st.caption("No cheapest threshold is told: it has to be chosen on validation pictures, and there are none that could be used.")
        return
    where = " of the other domain, since no label of this one may be read" if given.evaluation.validated_elsewhere else ""
    st.markdown(
        f"Cheapest at these prices: **{cheapest.threshold:.3f}**, chosen on the {count(len(validation), 'validation picture')}{where}. "
        f"On the {given.pictures} it misses {cheapest.missed:,} and raises {count(cheapest.false_alarms, 'false alarm')}, at a cost of {cheapest.cost(*prices):,.5g}."
    )


def _decisions(marked: dict[str, Decision], prices: tuple[float, float]) -> None:
    columns = {name: each.to_json(*prices) for name, each in marked.items()}
    rows = [{"figure": title, **{name: _written(key, values[key]) for name, values in columns.items()}} for key, title in LINES.items()]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, height="content", key="threshold_table", alt="Pictures found, missed and wrongly taken, with precision, recall and cost, at the chosen and at the cheapest threshold",
        column_config={
            "figure": st.column_config.TextColumn("Figure", pinned=True),
            **{name: st.column_config.TextColumn(f"{name.capitalize()} ({marked[name].threshold:.3f})", alignment="right") for name in marked},
        },
    )


def _written(figure: str, value: float) -> str:
    return f"{value:.1%}" if figure in SHARES else f"{value:,.5g}"
