"""What could be had at other thresholds: ROC and precision-recall curves, and for two classes a threshold by what errors cost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import roc_chart
from pages.ui.download import download_csv
from pages.ui.linked import names
from pages.ui.run_domain import Tested, tested
from pages.ui.run_threshold import threshold
from tlcore.store import Job

ALL_DRAWN = 4  # Up to so many classes each has its curve at first, beyond only the worst.
WORST_DRAWN = 3
MOST_ROWS = 12  # More are scrolled through.


def roc_and_precision(run: Job) -> None:
    """Both kinds of curve, of chosen classes or averaged; of two classes the threshold as well."""
    given = tested(run)
    with st.spinner("Computing the curves", show_time=True):
        areas = named(given.evaluation.areas)
    if areas.empty:
        st.info("There are no curves: they need pictures of two classes or more, and probabilities that are numbers.", icon=":material/info:")
        return
    chosen = names(
        "Curves", areas["name"].tolist(), f"roc_curves_{run.id}", "curve", at_first(areas, given.predictions.classes[1]), roc_chart.MOST_CURVES, placeholder="Choose classes or averages",
        help="Macro average: the mean of the classes' curves. Micro average: every picture and class as one decision.",
    )
    if chosen:
        _curves(given, areas[areas["name"].isin(chosen)], chosen)
    else:
        st.caption("Choose a class or an average to see its curves.")
    _areas(given, areas)
    if len(given.predictions.classes) == 2:
        threshold(given)


def named(areas: pd.DataFrame) -> pd.DataFrame:
    """With a column `name`, different for every curve even where a class is called like an average."""
    classes = set(areas.loc[areas["kind"] == "class", "curve"])
    return areas.assign(name=[f"{curve} of all classes" if kind == "average" and curve in classes else curve for kind, curve in zip(areas["kind"], areas["curve"], strict=True)])


def at_first(areas: pd.DataFrame, second: str) -> list[str]:
    """Of two classes the second alone, since the first's curve is its mirror image; of many the averages and the worst."""
    averages, classes = areas[areas["kind"] == "average"], areas[areas["kind"] == "class"]
    if len(classes) == 2:
        return [second]
    return [*averages["name"], *classes["name"].head(len(classes) if len(classes) <= ALL_DRAWN else WORST_DRAWN)]


def _curves(given: Tested, shown: pd.DataFrame, order: list[str]) -> None:
    """ROC, and precision over recall, side by side."""
    found = given.evaluation
    with st.grid(2, min_column_width=300):
        for kind, title, curves in (("roc", "ROC", found.roc), ("precision_recall", "Precision and recall", found.precision_recall)):
            points = curves.merge(shown[["kind", "curve", "name"]], on=["kind", "curve"]).drop(columns=["kind", "curve"])
            told = ", ".join(f"{name} {area:.4f}" for name, area in points.drop_duplicates("name")[["name", "area"]].itertuples(index=False))
            with st.container(key=f"chart_{kind}"):
                st.markdown(f"**{title}**")
                st.vega_lite_chart(points.assign(place=range(len(points))), roc_chart.spec(kind, tuple(order)), key=f"curve_{kind}", alt=f"{title} on {len(given.predictions)} {given.pictures}; {roc_chart.AREAS[kind]}: {told}")
    st.caption("The dashed diagonal is chance. By chance, precision is the class's share of the pictures: the curve of a rare class lies lower without the model being worse.")


def _areas(given: Tested, areas: pd.DataFrame) -> None:
    table = areas[["name", "auc", "average_precision", "support"]]
    st.dataframe(
        table, hide_index=True, placeholder="–", alt=f"Areas under the curves of the averages and of every class, the worst first, on the {given.pictures}",
        height="content" if len(table) <= MOST_ROWS else 390,
        column_config={
            "name": st.column_config.TextColumn("Curve", pinned=True, width=160),
            "auc": st.column_config.NumberColumn("AUC", format="%.4f", help="Area under the ROC curve: how often a picture of the class is given a higher probability of it than one of another. 0.5 is chance."),
            "average_precision": st.column_config.NumberColumn("Average precision", format="%.4f", help="Area under the precision-recall curve, not interpolated. Chance is the class's share of the pictures."),
            "support": st.column_config.NumberColumn("Pictures", help="Test pictures of this class."),
        },
    )
    with st.container(horizontal=True):
        download_csv(table, f"{given.name}-areas.csv", "areas")
        points = {"roc": given.evaluation.roc, "precision-recall": given.evaluation.precision_recall}
        download_csv(lambda: pd.concat([curves.assign(chart=name) for name, curves in points.items()]), f"{given.name}-curves.csv", "curve_points", "Download points")
