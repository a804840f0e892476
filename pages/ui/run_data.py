"""What did it learn from, and on what was it tested?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import run_data_chart
from pages.ui.download import download_csv
from pages.ui.duplicates import duplicates
from pages.ui.run_data_chart import ROLE_NAMES
from pages.ui.state import workspace
from pages.ui.text import count, literal
from pages.ui.thumbnails import open_dataset
from tlcore.class_shares import ShareChange
from tlcore.run_data import ROLES, RunData, run_data
from tlcore.store import Job

MOST_ROWS = 12  # That a table shows at once.
DISTANCE = (
    "Total variation distance: half the sum of the differences of all classes' shares. 0%: equal shares; 100%: no class in common. So large a share of the pictures would have to change class to make both alike. "
    "Beside it, what two random samples of as many pictures would show on average."
)


@st.cache_resource(max_entries=8, show_spinner=False)
def _counted(root: str, run_id: int, attempt: int, _run: Job) -> RunData:
    """The pictures of a finished run, which never change."""
    return run_data(workspace().run(run_id), _run.config.strategy, open_dataset(_run.payload["dataset_id"]))


def data(run: Job) -> None:
    """Classes by part and domain, how different their shares are, and pictures that are in several parts."""
    found = _counted(str(workspace().root), run.id, run.attempt, run)
    st.markdown("  \n".join(_told(run, found)))
    with st.grid(len(found.domains), min_column_width=320):
        for domain in found.domains:
            _bars(run, found, domain)
    _table(run, found)
    if found.between_domains is not None:
        _side_by_side(found, found.between_domains)
    duplicates(run)


def _told(run: Job, found: RunData) -> list[str]:
    """What each part was for, in sentences."""
    said = []
    for domain in found.domains:
        parts = [f"{found.total(domain, role):,} {ROLE_NAMES[role]}" for role in ROLES if found.total(domain, role) and (domain, role) not in found.idle]
        name = literal(run.config.dataset if domain == "target" else str(run.config.source.dataset))
        said.append(f"{'Target' if domain == 'target' and len(found.domains) > 1 else 'Source' if domain == 'source' else 'Dataset'} **{name}**, pictures: {', '.join(parts)}.")
    for (domain, role), pictures in found.idle.items():
        why = "their labels were withheld, and this way of learning reads labelled pictures only" if role == "unlabelled" else "this way of learning reads the target's only"
        said.append(f"{count(pictures, 'picture')} of the {domain} ({ROLE_NAMES[role]}) {'was' if pictures == 1 else 'were'} not used: {why}.")
    if found.to_tested is not None:
        said.append(_difference("What it learned from with labels and what it was tested on", found.to_tested))
    return said


def _difference(what: str, change: ShareChange) -> str:
    told = f"{what} differ in their class shares by **{change.distance:.1%}** (by chance alone about {change.by_chance:.1%})"
    if not change.beyond_chance:
        return f"{told}: no more than chance would show."
    return f"{told}; most in {literal(change.largest)}, {change.share_before:.1%} against {change.share_after:.1%}."


def _bars(run: Job, found: RunData, domain: str) -> None:
    """Stacked bars of one domain."""
    shown = tuple(role for role in ROLES if found.total(domain, role))
    long = pd.concat([pd.DataFrame({"class": found.classes, "role": ROLE_NAMES[role], "pictures": found.of(domain, role), "order": place}) for place, role in enumerate(shown)], ignore_index=True)
    with st.container(key=f"data_of_{domain}"):
        if len(found.domains) > 1:
            st.markdown(f"**{domain.capitalize()}**: {literal(run.config.dataset if domain == 'target' else str(run.config.source.dataset))}")
        alt = f"Pictures of each class of the {domain} by part: " + ", ".join(f"{found.total(domain, role):,} {ROLE_NAMES[role]}" for role in shown)
        st.vega_lite_chart(long, run_data_chart.roles(len(found.classes), shown), key=f"data_chart_{domain}", alt=alt)


def _table(run: Job, found: RunData) -> None:
    """Class by part, with the shares of what was learned from and tested on."""
    several = len(found.domains) > 1
    names = {f"{domain}_{role}": f"{domain.capitalize()}, {words}" if several else words.capitalize() for domain in found.domains for role, words in ROLE_NAMES.items()}
    share = {
        "learned_share": ("Share learned from", "Of the labelled pictures that it learned from."),
        "tested_share": ("Share tested on", "Of the target's test pictures."),
    }
    st.dataframe(
        found.table, hide_index=True, key="data_table", height="content" if len(found.classes) <= MOST_ROWS else 420, alt="Number of pictures by class and part, and class shares",
        column_config={
            "class": st.column_config.TextColumn("Class", pinned=True, width=130),
            **{name: st.column_config.NumberColumn(label, format="localized") for name, label in names.items()},
            **{name: st.column_config.NumberColumn(label, format="percent", help=meaning) for name, (label, meaning) in share.items()},
        },
    )
    download_csv(found.table, f"run-{run.id}-data.csv", "data")


def _side_by_side(found: RunData, change: ShareChange) -> None:
    """Class shares of source and target, and how far they are apart."""
    st.subheader("Source against target", anchor=False, help=DISTANCE)
    st.markdown(_difference("Source and target", change))
    alt = f"Share of each class in source and target; they differ by {change.distance:.1%}, most in {change.largest}"
    st.vega_lite_chart(found.shares, run_data_chart.shares(len(found.classes)), key="data_shares", alt=alt)
