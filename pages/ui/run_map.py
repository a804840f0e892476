"""How does the network see the pictures? A map on which alike ones lie together, and a gallery of those that are chosen on it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import linked, map_chart
from pages.ui.download import download_csv
from pages.ui.linked import choice
from pages.ui.map_chart import MOST_NAMED, Group
from pages.ui.run_domain import has_both
from pages.ui.run_job_view import asked_for
from pages.ui.state import workspace
from pages.ui.text import count, literal
from pages.ui.tiles import Tile, tiles
from tlcore.embedding import Embedding, load_embedding
from tlcore.errors import NotFoundError
from tlcore.map_points import KINDS, NOT_ASKED, OUTCOMES, RIGHT, WRONG, Points, points
from tlcore.results import Predictions, load_predictions, load_summary
from tlcore.store import Job
from tlcore.tsne import MAP, Map, load_map, principal_map

PRINCIPAL, TSNE = "principal components", "t-SNE"
COLORINGS = {"class": "label", "part": "kind", "right or wrong": "outcome"}
MOST_PICTURES = 48  # Of a page of the gallery.
FIRST_COLOURED = 8  # Of very many classes, at first: as many as there are colours.
ABOUT = {
    PRINCIPAL: "The two directions in which the representations differ most",
    TSNE: "Pictures that the network finds alike lie together; how far apart two clusters lie says little",
}
HELP = "t-SNE lays the map so that neighbours stay neighbours, which shows clusters that two principal components can't. It takes some seconds to minutes, in the background, and is kept."


@st.cache_resource(max_entries=4, show_spinner=False)
def kept_embedding(root: str, run_id: int, attempt: int) -> Embedding:
    """How a finished run sees its pictures, which never changes. Raises NotFoundError where it kept nothing."""
    return load_embedding(workspace().run(run_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _answers(root: str, run_id: int, attempt: int) -> dict[str, Predictions]:
    """The answers of a finished run by part, as far as there are any."""
    found = {}
    for part in ("test", "val", "source_test", "source_val"):
        with contextlib.suppress(NotFoundError):
            found[part] = load_predictions(workspace().run(run_id), part)
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def _points(root: str, run_id: int, attempt: int, _laid: Map, laid_at: int, kinds: tuple[str, ...]) -> Points:
    """What is drawn; `laid_at` tells one t-SNE map from the next, and is 0 of principal components."""
    return points(kept_embedding(root, run_id, attempt), _laid, _answers(root, run_id, attempt), load_summary(workspace().run(run_id))["classes"], kinds)


def pictures_map(run: Job) -> None:
    """The map with its controls, the t-SNE job, and the pictures that are chosen."""
    key = (str(workspace().root), run.id, run.attempt)
    embedding, laid = kept_embedding(*key), load_map(workspace().run(run.id))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layout = choice("Layout", [PRINCIPAL, TSNE], "map_layout", "map", default=TSNE) if laid else PRINCIPAL
        coloring = choice("Colour", list(COLORINGS), "map_color", "colour")
        kinds = linked.some_of("Pictures", list(KINDS.values()), "map_kinds", "kinds", list(KINDS.values()))
    shown = laid if laid and layout == TSNE else principal_map(embedding, len(embedding))
    laid_at = (workspace().run(run.id) / MAP).stat().st_mtime_ns if shown is laid else 0
    found = _points(*key, shown, laid_at, tuple(kinds))
    chosen = pd.DataFrame()
    if found.table.empty:
        st.info("The map holds no such pictures. Choose other ones above.", icon=":material/info:")
    else:
        groups = _groups(run, found.table, coloring)
        st.caption(_about(run, embedding, found, layout, [kind for kind in kinds if kind not in found.whole]))
        chosen = _draw(run, found, groups, f"{layout}-{coloring}-{','.join(kinds)}")
    asked_for(run, "map", "Lay the t-SNE map again" if laid else "Compute the t-SNE map", ":material/scatter_plot:", HELP, again=laid is not None)
    if not chosen.empty:
        _gallery(run, chosen)


def _groups(run: Job, table: pd.DataFrame, coloring: str) -> list[Group]:
    """Points by colour; of very many classes only some are named."""
    column = COLORINGS[coloring]
    told = table.assign(picture=[f"{kind} {row:,}" + (f" of the {domain}" if has_both(run) else "") for kind, domain, row in zip(table["kind"], table["domain"], table["row"], strict=True)])
    if column == "outcome":
        return [Group(outcome, told[told["outcome"] == outcome], outcome == NOT_ASKED) for outcome in OUTCOMES if (told["outcome"] == outcome).any()]
    names = list(dict.fromkeys(told[column])) if column == "kind" else [name for name in load_summary(workspace().run(run.id))["classes"] if (told[column] == name).any()]
    if len(names) <= MOST_NAMED:
        return [Group(name, told[told[column] == name]) for name in names]
    picked = linked.names("Classes in colour", names, f"map_classes_{run.id}", "coloured", names[:FIRST_COLOURED], MOST_NAMED - 1, help=f"More than {MOST_NAMED} classes can't be told apart by colour; the others stay grey.")
    rest = told[~told[column].isin(picked)]
    return [*(Group(name, told[told[column] == name]) for name in picked), *([Group("other classes", rest, True)] if len(rest) else [])]


def _about(run: Job, embedding: Embedding, found: Points, layout: str, absent: Sequence[str]) -> str:
    """What the map shows, of how many pictures, and how it is used."""
    held = f" ({embedding.explained[:2].sum():.0%} of their variance)" if layout == PRINCIPAL else ""
    drawn = found.table["kind"].value_counts()
    parts = ", ".join(f"{drawn[kind]:,} {kind}" + (f" of {found.whole[kind]:,}" if kind in found.left_out else "") for kind in KINDS.values() if kind in drawn)
    none = f" It holds no {' and '.join(absent)} pictures." if absent else ""
    hollow = " Filled: target; hollow: source." if has_both(run) else ""
    return f"{ABOUT[layout]}{held}. Drawn: {parts}.{none}{hollow} Take the lasso or the box at its top left and draw around points, or click them, to see the pictures; a double click clears."


def _draw(run: Job, found: Points, groups: Sequence[Group], what: str) -> pd.DataFrame:
    """The chart; gives the points that are chosen on it."""
    drawn, theme = map_chart.series(groups), st.context.theme.type or "light"
    table = found.table
    extent = tuple(float(edge) for axis in ("x", "y") for edge in _widened(table[axis].to_numpy()))
    option = map_chart.option(drawn, groups, _palette(theme), extent)  # type: ignore[arg-type]
    wrong = int((table["outcome"] == WRONG).sum())
    alt = f"Map of {len(table):,} pictures in {len(groups)} groups; {wrong:,} of those with an answer are mistaken"
    with st.container(key="map"):
        event: Any = st.echarts_chart(option, height=map_chart.HEIGHT_PX, key=f"map_{run.id}_{what}", on_select="rerun", alt=alt)
    return map_chart.chosen(event["selection"], drawn)


def _widened(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.03 * (high - low) or 1.0
    return low - margin, high + margin


def _palette(theme: str) -> list[str]:
    """The theme's colours for categories, as in all charts."""
    found = st.get_option(f"theme.{theme}.chartCategoricalColors")
    return found if isinstance(found, list) else [color.strip(" \"'[]") for color in str(found).split(",")]


def _gallery(run: Job, chosen: pd.DataFrame) -> None:
    """The chosen pictures, mistaken ones first, with label and answer."""
    chosen = chosen.sort_values("outcome", key=lambda outcome: outcome.map({WRONG: 0, RIGHT: 1, NOT_ASKED: 2}), kind="stable", ignore_index=True)
    asked = chosen[chosen["outcome"] != NOT_ASKED]
    wrong = f", {int((asked['outcome'] == WRONG).sum()):,} of {len(asked):,} with an answer mistaken" if len(asked) else ""
    pages = -(-len(chosen) // MOST_PICTURES)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{count(len(chosen), 'picture')}** chosen{wrong}", width="content")
        page = st.pagination(pages, key="map_page") if pages > 1 else 1
        download_csv(chosen[["kind", "domain", "row", "label", "answer", "outcome"]], f"run-{run.id}-chosen.csv", "map")
    own = run.payload["dataset_id"]
    ids = {"target": own, "source": run.payload.get("source_id", own)}
    part = chosen.iloc[(page - 1) * MOST_PICTURES : page * MOST_PICTURES]
    tiles([Tile(ids[each.domain], each.row, f"{each.picture}: {each.label}" + (f", answer {each.answer}" if each.answer else ""), _below(each)) for each in part.itertuples()])


def _below(each: Any) -> str:
    answer = f"→ {literal(each.answer)}, " if each.outcome == WRONG else ""
    return f"**{literal(each.label)}**  \n:small[{answer}{each.kind}]"
