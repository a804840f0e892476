"""Runs in groups: how many there are in each, its best, and mean and spread."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui.download import download_csv
from pages.ui.run_figures import COSTS, FIGURES, column
from pages.ui.run_filter import group_link
from pages.ui.state import store
from pages.ui.text import count
from tlcore.run_query import Wanted
from tlcore.store import RunGroup

PAGE = 25


def run_groups(asked: Wanted, by: str) -> None:
    """The groups as a table, in the figure by which runs are sorted, or else in test accuracy."""
    figure = asked.sort if asked.sort in FIGURES | COSTS else "accuracy"
    groups = store().runs.groups(asked, by, figure)
    titles = store().series.titles([group.key for group in groups if isinstance(group.key, int)])
    table = pd.DataFrame([_row(group, by, titles) for group in groups])
    shown = st.container()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        pages = -(-len(groups) // PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        st.caption(f"{count(len(groups), 'group')} by {by}; " + ("lowest" if figure in COSTS else "best") + f" mean {(FIGURES | COSTS)[figure].label.lower()} first", width="content")
        download_csv(table.drop(columns="open"), "groups.csv", "groups")
    with shown:
        part = slice((page - 1) * PAGE, page * PAGE)
        _table(table.iloc[part], groups[part], by, figure)
        if any(group.test_sets > 1 for group in groups):
            st.caption("Some groups were tested on several sets of pictures, of which one may be harder than another: filter by dataset before you compare their means.")


def _row(group: RunGroup, by: str, titles: dict[int, str]) -> dict[str, object]:
    name = f"no {by}" if group.key is None else f"{group.key} · {titles.get(group.key, '')}" if isinstance(group.key, int) else group.key
    return {"open": "Show" if group.key is not None else None, "group": name} | {name: value for name, value in dataclasses.asdict(group).items() if name != "key"}


def _table(table: pd.DataFrame, groups: Sequence[RunGroup], by: str, figure: str) -> None:
    label = (FIGURES | COSTS)[figure].label
    several = ["test_sets"] if (table["test_sets"] > 1).any() else []
    st.dataframe(
        table,
        key=f"run_groups_{by}_{figure}",
        hide_index=True,
        height="content",
        placeholder="–",
        alt=f"Groups of runs by {by}, with the number of runs and their {label.lower()}",
        column_order=["open", "group", "runs", "finished", "best", "mean", "sd", *several],
        column_config={
            "open": st.column_config.ButtonColumn("Open", key="open_group", on_click=_open, args=(by, [group.key for group in groups]), width=84, help="Its runs."),
            "group": st.column_config.TextColumn(by.capitalize(), width=230),
            "runs": st.column_config.NumberColumn("Runs", width=80),
            "finished": st.column_config.NumberColumn("Finished", width=90, help=f"Those that have the figure: {label.lower()}."),
            "best": column(figure, 120, "Lowest" if figure in COSTS else "Best"),
            "mean": column(figure, 120, "Mean"),
            "sd": st.column_config.NumberColumn("± SD", format=(FIGURES | COSTS)[figure].form, width=110, help="Standard deviation of the sample (n − 1): how far single runs scatter around the mean."),
            "test_sets": st.column_config.NumberColumn("Test sets", width=90, help="On how many sets of test pictures the runs were tested."),
        },
    )


def _open(by: str, keys: Sequence[str | int | None]) -> None:
    """Go to the runs of the group whose button was pressed."""
    key = keys[st.session_state["open_group"]["row"]]
    if key is not None:
        group_link(by, key)
