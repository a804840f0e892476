"""What did a mistaken picture remind the network of? The training pictures nearest to it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui.run_domain import Tested
from pages.ui.run_map import kept_embedding
from pages.ui.state import workspace
from pages.ui.text import count, literal
from pages.ui.tiles import Tile, tiles
from tlcore.errors import NotFoundError
from tlcore.neighbours import neighbours
from tlcore.store import Job

NEIGHBOURS = 6
HELP = (
    "By the distance of what the network's output layer is given: 0 for the same, about 1 for pictures that have little in common. Where most of them are of the class that was answered, the picture looks like that class to this network; "
    "where most are of its own, it lies near the border; where its label looks wrong beside them, it may be."
)


def nearest_training_pictures(run: Job, given: Tested, mistake: Any) -> None:
    """The mistaken picture (row, label, predicted, confidence), then the nearest training pictures with labels and distances."""
    st.subheader("What it was reminded of", anchor=False, help=HELP)
    try:
        embedding = kept_embedding(str(workspace().root), run.id, run.attempt)
        found = neighbours(embedding, given.predictions.split, int(mistake["row"]), NEIGHBOURS)
    except NotFoundError as error:
        st.caption(literal(str(error)))
        return
    own = run.payload["dataset_id"]
    ids = {"target": own, "source": run.payload.get("source_id", own)}
    labels = [given.predictions.classes[label] for label in found["label"]]
    alike, true = labels.count(mistake["predicted"]), labels.count(mistake["label"])
    st.markdown(
        f"Picture {int(mistake['row']):,}, **{literal(mistake['label'])}**, was taken for **{literal(mistake['predicted'])}**. Of the {count(len(found), 'training picture')} nearest to it "
        f"{alike or 'none'} {'is' if alike < 2 else 'are'} labelled **{literal(mistake['predicted'])}**, and {true or 'none'} **{literal(mistake['label'])}**:"
    )
    shown = [Tile(given.dataset_id, int(mistake["row"]), f"Mistaken picture {mistake['row']}: {mistake['label']}", f":orange[**{literal(mistake['label'])}**]  \n:small[the mistake]")]
    for neighbour, label in zip(found.itertuples(), labels, strict=True):
        of = "source, " if neighbour.domain == "source" else ""
        shown.append(Tile(ids[neighbour.domain], int(neighbour.row), f"Training picture {neighbour.row}: {label}, distance {neighbour.distance:.2f}", f"**{literal(label)}**  \n:small[{of}{neighbour.distance:.2f} away]"))
    with st.container(border=True, key="nearest"):
        tiles(shown)
        held = len(embedding.at("train")) + len(embedding.at("source_train"))
        if held < (run.result or {}).get("train_images", 0):
            st.caption(f"Looked for among {held:,} training pictures with a label, which the run's map holds.")
