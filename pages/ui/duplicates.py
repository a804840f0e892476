"""Was it tested on pictures that it had seen? Duplicates across the parts, and the accuracy without them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.download import download_csv
from pages.ui.run_domain import Tested, tested
from pages.ui.state import workspace
from pages.ui.text import count, literal
from pages.ui.thumbnails import open_dataset
from pages.ui.tiles import Tile, pairs
from tlcore import leakage
from tlcore.datasets.dataset import Dataset
from tlcore.intervals import Interval
from tlcore.leakage import Seen, Twins
from tlcore.store import Job
from tlcore.without import Share, accuracy_without

MOST_PAIRS = 24
PARTS = {"train": "training", "val": "validation", "unlabelled": "without label", "source_train": "source, training", "source_val": "source, validation"}
HELP = "A test picture that was learned from, or one of the same shot, tells whether the model remembers, not whether it recognises. It makes the accuracy look better than it is."
LIKENESS = (
    "Correlation of the fine structure of both pictures, 16 × 16 and grey: 1 for equal ones, about 0.1 for any two photographs. Another encoding, size, brightness or colour hardly changes it. "
    "Lower: more pairs, among them pictures that are merely alike; look at the least alike ones to judge."
)


@st.cache_resource(max_entries=8, show_spinner=False)
def _seen(root: str, run_id: int, attempt: int, domain: str, _run: Job, _given: Tested) -> tuple[list[Seen], pd.DataFrame]:
    """What a finished run has seen, and the test pictures that are among it."""
    seen = leakage.seen_parts(leakage.domains_of(workspace().run(run_id)), _run.config.strategy, judged=_given.predictions.split)
    return seen, leakage.exact_twins(_given.predictions.rows, open_dataset(_given.dataset_id), seen, _datasets(_run))


def _datasets(run: Job) -> dict[str, Dataset]:
    return {domain: open_dataset(dataset_id) for domain, dataset_id in _ids(run).items()}


def _ids(run: Job) -> dict[str, str]:
    own = run.payload["dataset_id"]
    return {"target": own, "source": run.payload.get("source_id", own)}


def duplicates(run: Job) -> None:
    """Equal pictures at once; those of the same shot when somebody asks, and from then on."""
    st.subheader("Duplicates across the parts", anchor=False, help=HELP)
    given = tested(run)
    seen, exact = _seen(str(workspace().root), run.id, run.attempt, given.domain, run, given)
    whole, pictures = len(given.predictions), sum(len(each.rows) for each in seen)
    among = f"the {count(pictures, 'picture')} that it learned from or chose its epoch by"
    if exact.empty:
        st.markdown(f"**None** of the {whole:,} {given.pictures} is, pixel for pixel, among {among}.")
    else:
        st.warning(f"{len(exact):,} of the {whole:,} {given.pictures} {'is' if len(exact) == 1 else 'are'}, pixel for pixel, among {among}.", icon=":material/content_copy:")
    folder = workspace().run(run.id)
    found = leakage.load_twins(folder, given.domain)
    if found is None:
        st.button("Look for near-duplicates", key="look_for_twins", icon=":material/search:", help="Pictures of the same shot, encoded, scaled or coloured anew. Compares the pixels of all pictures: seconds for thousands of small ones, up to a minute or two for many large ones. What is found is kept.")
        if not st.session_state.get("look_for_twins"):
            if not exact.empty:
                _accuracy(given, exact["test_row"].to_numpy())
            return
        _look(run, given, seen)
        st.rerun()
    _near(run, given, found, exact)


def _look(run: Job, given: Tested, seen: list[Seen]) -> None:
    """Search while somebody waits, with progress; what is found is kept in the run's folder."""
    bar = st.progress(0.0, text="Comparing pixels")
    found = leakage.find_twins(given.predictions.rows, open_dataset(given.dataset_id), seen, _datasets(run), lambda done: bar.progress(done, text="Comparing pixels"))
    leakage.save_twins(workspace().run(run.id), given.domain, found)


def _near(run: Job, given: Tested, found: Twins, exact: pd.DataFrame) -> None:
    """How alike counts, how many there are, what the accuracy is without them, and the pairs."""
    start = math.ceil(100 * found.alike_from) / 100
    with st.container(horizontal=True, vertical_alignment="bottom"):
        threshold = st.slider("Near-duplicates from a likeness of", 0.5, 1.0, min(start, 1.0), 0.01, key=f"alike_{run.id}_{given.domain}", width=300, persist_state="session", help=LIKENESS)
        order = st.segmented_control("Order", ["most alike first", "least alike first"], key="twin_order", default="most alike first", required=True, persist_state="session")
    shown = found.from_(threshold)
    rows = np.union1d(shown["test_row"].to_numpy(np.int64), exact["test_row"].to_numpy(np.int64))
    if found.usual > leakage.ALIKE / 2:
        st.caption(f"Pictures of one class are alike here anyway: one in a hundred pairs drawn at random reaches {found.usual:.2f}. So a likeness says less than elsewhere.")
    if found.compared < found.seen:
        st.caption(f"{found.compared:,} of the {found.seen:,} pictures that it has seen were compared, evenly chosen; there may be more pairs.")
    _accuracy(given, rows)
    if shown.empty:
        return
    if order == "least alike first":
        shown = shown.iloc[::-1]
    more = f", {MOST_PAIRS} of them" if len(shown) > MOST_PAIRS else ""
    st.markdown(f"**{count(len(shown), 'pair')}**{more}. Left the test picture with the model's answer, right the picture it has seen:")
    pairs(_tiles(run, given, shown.head(MOST_PAIRS)))
    download_csv(lambda: _table(run, given, shown), f"{given.name}-duplicates.csv", "duplicates")


def _accuracy(given: Tested, rows: np.ndarray) -> None:
    """Accuracy on all test pictures, without those in these rows, and on those alone."""
    found = accuracy_without(given.predictions, rows)
    concerned = 0 if found.concerned is None else found.concerned.pictures
    with st.grid(min_column_width=190):
        st.metric("Test pictures seen before", f"{concerned:,} of {found.everything.pictures:,}", f"{concerned / found.everything.pictures:.1%}", delta_color="off", delta_arrow="off", border=True)
        for label, share in (("Accuracy on all", found.everything), ("Without them", found.rest), ("On them alone", found.concerned)):
            if share is not None:
                st.metric(label, f"{share.accuracy:.1%}", _between(share), delta_color="off", delta_arrow="off", border=True, help="With its 95% interval (Wilson).")
    if found.raised is not None and found.raised_interval is not None:
        st.markdown(_change(found.raised, found.raised_interval))


def _between(share: Share) -> str:
    return f"{share.interval.low:.1%} to {share.interval.high:.1%}"


def _change(raised: float, interval: Interval) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    if interval.low <= 0 <= interval.high:
        return f"They change the accuracy by {100 * raised:+.2f} points (95%: {low:+.2f} to {high:+.2f}), which may be chance."
    return f"They {'raise' if raised > 0 else 'lower'} the accuracy by **{100 * abs(raised):.2f} points** (95%: {min(abs(low), abs(high)):.2f} to {max(abs(low), abs(high)):.2f})."


def _tiles(run: Job, given: Tested, shown: pd.DataFrame) -> list[tuple[Tile, Tile]]:
    """The test picture and its twin, with their labels, the answer and the likeness."""
    ids, datasets = _ids(run), _datasets(run)
    answers = dict(zip(given.predictions.rows.tolist(), given.predictions.predicted.tolist(), strict=True))
    own, made = open_dataset(given.dataset_id), []
    for pair in shown.itertuples():
        other = datasets[pair.domain]
        label, theirs, answer = own.classes[own.labels[pair.test_row]], other.classes[other.labels[pair.row]], given.predictions.classes[answers[pair.test_row]]
        mark = "" if label == theirs else " :orange-badge[other label]"
        made.append((
            Tile(given.dataset_id, pair.test_row, f"Test picture {pair.test_row}: {label}, answer {answer}", f"**{literal(label)}**  \n:small[→ {literal(answer)}]"),
            Tile(ids[pair.domain], pair.row, f"{PARTS[pair.part]} picture {pair.row}: {theirs}, likeness {pair.likeness:.2f}", f"**{literal(theirs)}**{mark}  \n:small[{PARTS[pair.part]}, {pair.likeness:.2f}]"),
        ))
    return made


def _table(run: Job, given: Tested, shown: pd.DataFrame) -> pd.DataFrame:
    """All pairs to take along, with labels and answers."""
    own, datasets = open_dataset(given.dataset_id), _datasets(run)
    names = {domain: np.array(dataset.classes)[dataset.labels] for domain, dataset in datasets.items()}
    answers = dict(zip(given.predictions.rows.tolist(), np.array(given.predictions.classes)[given.predictions.predicted].tolist(), strict=True))
    return shown.assign(
        label=np.array(own.classes)[own.labels[shown["test_row"]]], answer=[answers[row] for row in shown["test_row"]],
        seen_label=[names[domain][row] for domain, row in zip(shown["domain"], shown["row"], strict=True)],
    )
