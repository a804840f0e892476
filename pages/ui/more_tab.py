"""More labels? on Tune: what twice as many would bring, at /tune?more=7."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import growth_chart
from pages.ui.download import download_csv
from pages.ui.question_tab import Question, ask
from pages.ui.text import literal
from tlcore.before_run import growth_found, submit_more
from tlcore.growth import FEWEST_JUDGED_OF_A_CLASS, QUESTION, SEEDS, Growth, in_words
from tlcore.store import Job

HOW = (
    f"Learns the head anew with 10, 25, 50 and 100% of the labelled training pictures, {SEEDS} times each, on stored features of the frozen backbone, "
    "and follows the curve on to twice as many. The validation pictures judge; the test pictures are not looked at."
)
NOTE = (
    "Points: means over seeds, faint ones the single refits. Line: error = a · n⁻ᵇ + c with n labelled pictures (Hestness et al. 2017), dashed where it was not measured. "
    "Band and interval hold the expected accuracy in 95 of 100 repetitions with other seeds and other validation pictures. More pictures of the same kind are meant; pictures of another kind may bring more. "
    "Blocks stay frozen here: where they learn, labels may bring more too."
)


def more_labels() -> None:
    """The tab."""
    ask(Question("more", QUESTION, HOW, "See what more would bring", ":material/trending_up:", submit_more, _result))


def _result(job: Job) -> None:
    found = growth_found(job)
    assert found is not None
    with st.container(border=True, key="more_answer"):
        first, *rest = in_words(found)
        st.markdown(f"**{literal(first)}**  \n" + "  \n".join(literal(sentence) for sentence in rest))
    spec = growth_chart.spec(found.labels, *growth_chart.extent(found), st.context.theme.type == "dark")
    st.vega_lite_chart(growth_chart.rows(found), spec, key="more_chart", alt=growth_chart.alt_text(found))
    st.caption(NOTE)
    _by_class(job, found)


def _by_class(job: Job, found: Growth) -> None:
    """What doubling all labels would bring to each class."""
    st.markdown("**By class**")
    if not found.classes:
        st.caption(f"No class has the {FEWEST_JUDGED_OF_A_CLASS} validation pictures that it takes to tell. Raise the validation share on Train.")
        return
    table = pd.DataFrame([(each.name, each.labels, each.judged, each.accuracy, *each.gain) for each in found.classes], columns=["class", "labels", "judged", "recall", "gain", "low", "high"])
    points = {name: st.column_config.NumberColumn(label, format="%.1f", help=help_text) for name, label, help_text in (("gain", "Gain, points", "Of the class's recall, with twice as many labels of all classes."), ("low", "95% from", None), ("high", "to", None))}
    st.dataframe(
        table, hide_index=True, key="more_table", height="content" if len(table) <= 20 else 500, alt="What doubling the labels would bring to each class",
        column_config={
            "class": st.column_config.TextColumn("Class"), "labels": st.column_config.NumberColumn("Labels", format="localized", help="Labelled training pictures."),
            "judged": st.column_config.NumberColumn("Validation", format="localized"), "recall": st.column_config.NumberColumn("Recall now", format="percent"), **points,
        },
    )
    download_csv(table, f"more-labels-{job.id}.csv", "more")
