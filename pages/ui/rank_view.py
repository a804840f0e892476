"""A ranking on Tune: which backbone comes first, chart and table of all scores, and how well they foretold the runs here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.ui import forms, rank_chart
from pages.ui.download import download_csv
from pages.ui.linked import choice
from pages.ui.state import store
from pages.ui.text import count, literal
from tlcore.config import RunConfig
from tlcore.ranking import agreement
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking.agreement import Reached
from tlcore.ranking.table import BASELINES, FIRST, MEASURES, Ranking, in_words
from tlcore.store import Job

HOW_AGREED = (
    "Kendall's tau: 1 where a measure puts the backbones in the order that their frozen runs did, −1 in the opposite one, 0 no better than chance. By chance: how often a tau so far from 0 comes about where the measure tells nothing; "
    "with five backbones that is 2 times in 120 even for a perfect order. Of several runs of a backbone the one that was best on validation pictures counts."
)


def result(job: Job) -> None:
    """The answer of a job that is done."""
    ranking = rank_jobs.found(store(), job)
    if ranking is None:
        return
    first = ranking.ordered()[0]
    with st.container(border=True, key="rank_answer"):
        said = in_words(ranking)
        st.markdown(f"**{literal(said[0])}**  \n" + "  \n".join(literal(sentence) for sentence in said[1:]))
        if first.scores and first.caution:
            st.markdown(f":orange[:material/warning:] {literal(first.title)}: {literal(first.caution[0].lower() + first.caution[1:])}")
        if first.scores and st.button(f"Train with {literal(first.title)}", key="train_first", type="primary", icon=":material/model_training:"):
            _train(ranking, first.title)
    _scores(ranking, job)


def so_far(job: Job) -> None:
    """What is there of a ranking that works, or was stopped."""
    ranking = rank_jobs.found(store(), job)
    if ranking is not None and ranking.rows:
        st.caption(f"{count(len(ranking.rows), 'backbone')} of {len(job.payload['candidates'])} so far.")
        _table(ranking, {}, FIRST)


def _scores(ranking: Ranking, job: Job) -> None:
    reached, measure = agreement.reached(store(), ranking), FIRST
    shown = [name for name in MEASURES if any(row.scores and row.figure(name) is not None for row in ranking.rows)]
    if shown and any(row.scores for row in ranking.rows):
        titles = {MEASURES[name].title: name for name in shown}
        measure = titles[choice("Order by", list(titles), "rank_by", "by")]
        st.caption(f"{literal(MEASURES[measure].meaning)} {literal(MEASURES[measure].source)}. Measured on {count(ranking.pictures, 'training picture')} of {count(len(ranking.classes), 'class', 'classes')}; test pictures are not looked at.")
        table = rank_chart.rows(ranking, measure, reached)
        trained = rank_chart.KINDS[1] in set(table["kind"])
        names = tuple(dict.fromkeys(table["backbone"]))
        st.vega_lite_chart(table, rank_chart.spec(names, measure, trained, st.context.theme.type == "dark"), key="rank_chart", alt=rank_chart.alt_text(table, measure))
        _table(ranking, reached, measure)
        download_csv(lambda: ranking.table(measure), f"backbones-{job.id}.csv", "ranking")
    _notes(ranking)
    if reached:
        _agreement(ranking, reached, measure)
    else:
        st.caption("Once frozen runs with these backbones on the same pictures are finished, it is shown here how well each score foretold them.")


def _table(ranking: Ranking, reached: Mapping[str, Reached], measure: str) -> None:
    """Every backbone that has scores, with a button that opens Train with it."""
    table = ranking.table(measure)
    table = table[table["backbone"].isin([row.title for row in ranking.rows if row.scores])].drop(columns="note")
    if table.empty:
        return
    table.insert(1, "reached", [reached[title].accuracy if title in reached else None for title in table["backbone"]])
    shares = ["reached", *(name for name, each in MEASURES.items() if each.share)]
    table[shares] = table[shares].astype(float).round(3)
    table = table.loc[:, [name for name in table if table[name].notna().any()]]
    digits = {"log_me": "%.3f", "h_score": "%.3f", "leep": "%.3f", "nce": "%.3f", "params": "compact"}
    columns = {
        name: st.column_config.NumberColumn(each.title, format="percent" if each.share else digits[name], help=f"{each.meaning} {each.source}.")
        for name, each in MEASURES.items()
    }
    st.dataframe(
        table, hide_index=True, height="content", placeholder="–", key="rank_table", alt="Scores of each backbone",
        column_config={
            "backbone": st.column_config.ButtonColumn("Train with", key="train_ranked", on_click=_train_pressed, args=(ranking,), help="Open Train with this backbone."),
            "input_size": st.column_config.NumberColumn("Input", format="%d px"),
            "reached": st.column_config.NumberColumn("Frozen run", format="percent", help="Test accuracy of its frozen run, which learnt from all training pictures."),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f", help="To rank it here; little where its features were stored already."), **columns,
        },
    )


def _notes(ranking: Ranking) -> None:
    """Why backbones or scores are missing, or a place is doubtful."""
    missing = [row for row in ranking.rows if row.why_not]
    if missing:
        st.warning("Not ranked:\n" + "\n".join(f"- **{literal(row.title)}**: {literal(str(row.why_not))}" for row in missing), icon=":material/cloud_off:")
    if notes := [(row.title, note) for row in ranking.rows if row.scores for note in row.notes]:
        with st.expander("What is missing or doubtful", icon=":material/info:"):
            st.markdown("\n".join(f"- **{literal(title)}**: {literal(note)}" for title, note in notes))


def _agreement(ranking: Ranking, reached: Mapping[str, Reached], measure: str) -> None:
    """How well each measure foretold the finished frozen runs."""
    st.subheader("How well did it foretell the runs here?", anchor=False)
    found = agreement.agreements(ranking, {title: each.accuracy for title, each in reached.items()})
    if not found:
        st.caption(f"{count(len(reached), 'backbone')} of these {'has' if len(reached) == 1 else 'have'} a finished frozen run on the same pictures; it takes {agreement.FEWEST} to compare two orders.")
        return
    shown = rank_chart.pairs(ranking, measure, reached)
    left, right = st.columns(2)
    with left:
        table = pd.DataFrame([(MEASURES[each.measure].title + (" (baseline)" if each.measure in BASELINES else ""), each.tau, each.backbones, None if each.p is None else round(each.p, 3)) for each in found], columns=["measure", "tau", "backbones", "p"])
        st.dataframe(
            table, hide_index=True, height="content", placeholder="–", key="rank_taus", alt="Kendall's tau between each measure and the accuracy of the frozen runs",
            column_config={
                "measure": st.column_config.TextColumn("Measure"), "tau": st.column_config.NumberColumn("Tau", format="%.2f", width=60),
                "backbones": st.column_config.NumberColumn("Of", width=40), "p": st.column_config.NumberColumn("By chance", format="percent"),
            },
        )
    with right:
        if len(shown):
            st.vega_lite_chart(shown, rank_chart.pairs_spec(measure, st.context.theme.type == "dark"), key="rank_pairs", alt=rank_chart.pairs_alt_text(shown, measure))
    st.caption(HOW_AGREED)


def _train_pressed(ranking: Ranking) -> None:
    """The backbone whose button was pressed; its label says which, however the table is sorted."""
    _train(ranking, st.session_state["train_ranked"]["label"])


def _train(ranking: Ranking, title: str) -> None:
    """Open Train with this dataset, these classes and this backbone."""
    row = next(each for each in ranking.rows if each.title == title)
    classes = ranking.classes if set(ranking.classes) < set(store().dataset(ranking.dataset).classes) else None
    st.switch_page("train.py", query_params=forms.address(RunConfig(dataset=ranking.dataset, classes=classes, backbone=row.config)))
