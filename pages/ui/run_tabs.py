"""The evaluation of a finished run, one tab a question; only the open tab is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts
from pages.ui.download import download_csv
from pages.ui.gallery import gallery
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.outlook_view import between
from pages.ui.run_curves import learning_curves, log
from pages.ui.run_files import files
from pages.ui.state import guarded, read_text, workspace
from pages.ui.text import count, duration, literal, millions, size
from tlcore.compare import MOST
from tlcore.forecast.outlook import compared, total_of
from tlcore.forecast.rates import Band
from tlcore.results import Predictions, load_predictions, load_summary
from tlcore.store import Job
from tlcore.strategies import Adaptation

MISTAKES = 24
def evaluation(run: Job) -> None:
    """The tabs of a finished run; which one is open stands in the link."""
    tabs: dict[str, Callable[[Job], None]] = {
        "Summary": summary,
        "Curves": curves_and_log,
        "Confusion": confusion,
        "Classes": classes,
        "Mistakes": mistakes,
        "Settings": settings,
        "Time": time_by_phase,
        "Files": files,
    }
    take_from_link("run_tab", "tab", lambda: read_text("tab") if read_text("tab") in tabs else "Summary")
    panels = st.tabs(list(tabs), on_change=lambda: put_into_link("run_tab", "tab"), key="run_tab")
    for panel, draw in zip(panels, tabs.values(), strict=True):
        if panel.open:
            with panel, guarded():
                draw(run)


@st.cache_resource(max_entries=MOST, show_spinner=False)
def predictions(root: str, run_id: int) -> Predictions:
    """The test predictions of a finished run, which never change."""
    return load_predictions(workspace().run(run_id))


def test_predictions(run: Job) -> Predictions:
    return predictions(str(workspace().root), run.id)


def summary(run: Job) -> None:
    figures = load_summary(workspace().run(run.id))
    test = figures["test"]
    st.markdown(f"On **{count(figures['test_images'], 'test picture')}** that the run has never seen:")
    cards: dict[str, tuple[str, str]] = {
        "Accuracy": (f"{test['accuracy']:.1%}", "Share of pictures recognised."),
        "Balanced accuracy": (f"{test['balanced_accuracy']:.1%}", "Mean over classes of the share recognised; small classes count as much as large ones."),
        "Macro F1": (f"{test['macro_f1']:.3f}", "Mean over classes of the harmonic mean of precision and recall; 1 is perfect."),
        "Precision": (f"{test['precision']:.3f}", "Mean over classes: of the pictures taken for a class, how many belong to it."),
        "Recall": (f"{test['recall']:.3f}", "Mean over classes: of the pictures of a class, how many were found."),
        "AUC": ("–" if test["auc"] is None else f"{test['auc']:.4f}", "Mean area under the ROC curve of one class against the rest; 0.5 is chance, 1 perfect."),
        "Log loss": (f"{test['log_loss']:.3f} nats", "Cost of the probabilities; being sure and wrong costs most. Lower is better."),
        "Best epoch": (f"{figures['best_epoch']} of {figures['epochs']}", f"Chosen on the validation pictures; accuracy there {figures['best_val_accuracy']:.1%}."),
        "Time": (duration(figures["seconds"]), "Working time, pauses left out."),
        "Parameters": (millions(figures["total_params"]), f"{figures['trainable_params']:,} of {figures['total_params']:,} learned in this run."),
        "Model size": (size(figures["model_bytes"]), "The whole network with its head, float32."),
        "Training pictures": (f"{figures['train_images']:,}", f"Validation: {figures['val_images']:,}."),
    }
    if source := figures.get("source_test"):
        cards["Accuracy on the source"] = (f"{source['accuracy']:.1%}", f"Share recognised of {count(figures['source_test_images'], 'test picture')} of the source; all other figures are of the target.")
    _cards(cards)
    if isinstance(run.config.strategy, Adaptation):
        st.caption("The epoch was chosen in the second half of the run by pictures of the source, since no label of the target may choose; it need not be the best one for the target.")
    elif figures["best_epoch"] == run.config.train.epochs:
        st.info("It was still getting better when it ended: more epochs may reach more. Clone it and raise them.", icon=":material/trending_up:")
    table = pd.DataFrame({"figure": list(cards), "value": [value for value, _ in cards.values()]})
    download_csv(table, f"run-{run.id}-summary.csv", "summary")


def _cards(cards: dict[str, tuple[str, str]]) -> None:
    with st.grid(min_column_width=150):
        for label, (value, meaning) in cards.items():
            st.metric(label, value, help=meaning, border=True)


def curves_and_log(run: Job) -> None:
    learning_curves(run)
    log(run)


def confusion(run: Job) -> None:
    """Counts or shares; a click on a cell shows its pictures."""
    shown = st.segmented_control("Figures in the cells", ["counts", "share of the row", "share of the column"], default="counts", required=True, key="confusion_by", persist_state="session")
    result = test_predictions(run)
    cells = result.confusion_cells("column" if shown == "share of the column" else "row")
    wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
    with st.container(width=min(900, 160 + 64 * len(result.classes))):  # Wider cells would only be flatter.
        event = st.vega_lite_chart(
            cells,
            charts.confusion(result.classes, st.context.theme.type == "dark", shown != "counts"),
            key="confusion",
            on_select="rerun",
            selection_mode="cell",
            alt=f"Confusion matrix of {len(result.classes)} classes: {wrong} of {len(result)} test pictures mistaken",
        )
    download_csv(confusion_table(result), f"run-{run.id}-confusion.csv", "confusion")
    chosen = event["selection"].get("cell") or []
    if not chosen:
        st.caption("Click a cell to see its pictures.")
        return
    pictures = result.in_cell(chosen[0]["true"], chosen[0]["predicted"])
    st.markdown(f"**{count(len(pictures), 'picture')}**" + (f", the {MISTAKES} surest first:" if len(pictures) > MISTAKES else ":"))
    gallery(pictures.head(MISTAKES), run.payload["dataset_id"])


def confusion_table(result: Predictions) -> pd.DataFrame:
    """Counts with the true class in the first column; a class may be called `true class` as well."""
    table = pd.DataFrame(result.confusion, columns=list(result.classes))
    table.insert(0, "true class", list(result.classes), allow_duplicates=True)
    return table


def classes(run: Job) -> None:
    table = test_predictions(run).per_class
    share = {"format": "%.3f", "min_value": 0, "max_value": 1}
    st.dataframe(
        table,
        hide_index=True,
        alt="Precision, recall, F1 and number of test pictures by class",
        column_config={
            "class": st.column_config.TextColumn("Class", pinned=True),
            "precision": st.column_config.ProgressColumn("Precision", help="Of the pictures taken for this class, the share that belongs to it.", **share),
            "recall": st.column_config.ProgressColumn("Recall", help="Of the pictures of this class, the share that was found.", **share),
            "f1": st.column_config.ProgressColumn("F1", help="Harmonic mean of precision and recall.", **share),
            "support": st.column_config.NumberColumn("Pictures", help="Test pictures of this class."),
        },
    )
    download_csv(table, f"run-{run.id}-classes.csv", "classes")


def mistakes(run: Job) -> None:
    worst = test_predictions(run).worst_mistakes(MISTAKES)
    if worst.empty:
        st.success("Not one test picture was mistaken.", icon=":material/check_circle:")
        return
    st.markdown("Wrong answers, the surest first: the true class, then what it was taken for and how sure the model was.")
    gallery(worst, run.payload["dataset_id"])
    download_csv(worst, f"run-{run.id}-mistakes.csv", "mistakes")


def settings(run: Job) -> None:
    text = run.config.to_yaml()
    st.code(text, language="yaml")
    st.download_button("Download YAML", text, f"run-{run.id}.yaml", "application/yaml", key="download_yaml", icon=":material/download:", on_click="ignore")


def time_by_phase(run: Job) -> None:
    figures = load_summary(workspace().run(run.id))
    table, predicted = _timed(run, figures["phases"])
    longest = table.loc[table["seconds"].idxmax(), "phase"]
    widest = float(table[["seconds", "high"] if predicted else ["seconds"]].max().max())
    alt = f"Seconds by phase of the run, most of them for {longest}" + ("; a tick and a line show what was predicted" if predicted else "")
    st.vega_lite_chart(table.assign(label=table["seconds"].map(duration)), charts.phases(len(table), widest, st.context.theme.type == "dark", predicted), key="phases", alt=alt)
    if predicted:
        st.markdown(literal(_verdict(run)))
    cache: dict[str, Any] = figures["cache"]
    st.caption(f"{duration(figures['seconds'])} in all, features by {figures['engine']}; {cache['hits']:,} pictures from the cache, {cache['computed']:,} computed.")
    download_csv(table.drop(columns="end", errors="ignore"), f"run-{run.id}-time.csv", "time")


def _timed(run: Job, phases: dict[str, float]) -> tuple[pd.DataFrame, bool]:
    """Seconds by phase, with what was predicted where a forecast was kept: columns low, likely, high and end."""
    rows = {row["phase"]: row for row in compared(run)}
    seconds = {**{name: row["actual"] for name, row in rows.items() if name not in phases}, **phases}
    table = pd.DataFrame({"phase": list(seconds), "seconds": list(seconds.values())})
    if not rows:
        return table, False
    for column in ("low", "likely", "high"):
        table[column] = [rows[name][column] if name in rows else float("nan") for name in seconds]
    return table.assign(end=table[["seconds", "high"]].max(axis=1)), True


def _verdict(run: Job) -> str:
    """Predicted against actual in words: the whole, and the phases outside their band."""
    rows = compared(run)
    actual, band = total_of(rows)
    said = f"Bar: what it took; tick and line: what was predicted, with its band. Predicted in all {between(band)}; it took {duration(actual)}."
    outside = [f"{row['phase']}, {duration(row['actual'])} instead of {between(Band(row['low'], row['likely'], row['high']))}" for row in rows if not row["within"]]
    return f"{said} Outside their band: {'; '.join(outside)}." if outside else f"{said} Every phase lay within its band."
