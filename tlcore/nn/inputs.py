"""What a run learns from and is tested on, as rows: stored activations of its pictures, or their pixels."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence

import numpy as np

from tlcore import augment
from tlcore.activations import CachedRows, Layout, Rows, content_keys
from tlcore.cache import check_budget
from tlcore.config import AugmentConfig
from tlcore.cuts import Cut
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import Split
from tlcore.nn.features import CacheUse, activations
from tlcore.nn.models import Backbone
from tlcore.nn.pixel_rows import AugmentedRows, FrozenRows, decoded
from tlcore.nn.prefix import Prefix
from tlcore.reporter import Reporter
from tlcore.route import exactly, lacking, nearest_stored_maps
from tlcore.workspace import Workspace

# Seconds of work that are left, and what is being done.
Progress = Callable[[float, str], None]


def prefix_for(
    backbone: Backbone, cut: Cut, content_ids: Sequence[str] | np.ndarray, workspace: Workspace, reporter: Reporter,
    via: Cut | str | None = "look", view: str | None = None,
) -> Prefix:
    """The frozen layers of a run that learns from these pictures, or from augmented views of them, `view` the first.

    via: the earlier cut whose stored feature maps are taken up; "look": the one that saves most work, if any.
    """
    prefix = Prefix(backbone, cut, workspace, reporter.log)
    if via == "look":
        via = nearest_stored_maps(prefix.seen_as(view).identity, backbone.spec, content_keys(content_ids), workspace)
    if not isinstance(via, Cut):
        return prefix
    reporter.log(f"Stored feature maps after {via.layer} are taken up where they are: what lies below is not computed again.")
    return prefix.by_way_of(via)


@dataclasses.dataclass(frozen=True)
class Learnt:
    """Rows of the pictures that are learnt from, by epoch, counted from 1, and of those that validate."""

    train: Callable[[int], Rows]
    val: Rows
    unlabelled: Callable[[int], Rows]


class Inputs:
    """The parts of one dataset's split; nothing is read or computed before it is asked for.

    unlabelled: further rows to learn from. to_follow: pictures that the run has to see after these. role: named in messages.
    """

    def __init__(
        self, settings: AugmentConfig, dataset: Dataset, split: Split, prefix: Prefix, workspace: Workspace, reporter: Reporter,
        progress: Progress, unlabelled: np.ndarray | None = None, to_follow: int = 0, role: str = "",
    ) -> None:
        self.prefix, self.cut, self.use = prefix, prefix.cut, CacheUse()
        self._settings, self._dataset, self._split, self._to_follow, self._role = settings, dataset, split, to_follow, role
        self._side_px, self._workspace, self._reporter, self._progress = prefix.backbone.side_px, workspace, reporter, progress
        self._learnt = split.train if unlabelled is None else np.concatenate([split.train, unlabelled])

    @property
    def cached(self) -> bool:
        """Whether the frozen layers see each picture, or each of its fixed views, only once."""
        return self.cut.kind != "pixels" and not self._fresh

    def learnt(self) -> Learnt:
        """Everything but the test pictures."""
        train, count, val, rest = self._learnt, len(self._split.train), self._split.val, len(self._split.test) + self._to_follow
        self._refuse_beyond_budget()
        if not self._settings.enabled:
            learnt, judged = self._unchanged(train, val, rest)
            labelled, others = learnt.part(slice(count)), learnt.part(slice(count, None))
            return Learnt(lambda epoch: labelled, judged, lambda epoch: others)
        pieces = {True: slice(count), False: slice(count, None)}  # Labelled or not.
        viewed, pixels = self._viewed(train, len(val) + rest)

        # Equal rows must be one object: what is held in memory is found by it.
        @functools.lru_cache(maxsize=2 * max(1, self._settings.views))
        def part_of_view(view: int, labelled: bool) -> Rows:
            piece = pieces[labelled]
            return viewed[view].part(piece) if pixels is None else self._through_pixels(pixels.part(piece), train[piece], view)

        def by_epoch(labelled: bool) -> Callable[[int], Rows]:
            return lambda epoch: part_of_view(augment.view_of(epoch, self._settings), labelled)

        return Learnt(by_epoch(True), self._rows("validation", val, rest, self._exact), by_epoch(False))

    def _unchanged(self, train: np.ndarray, val: np.ndarray, to_follow: int) -> tuple[CachedRows, CachedRows]:
        """Of what is learnt from and of what validates; from one look at the cache where both lie at one place."""
        if self._exact is self.prefix:
            both = self._rows("training", np.concatenate([train, val]), to_follow, self.prefix)
            return both.part(slice(len(train))), both.part(slice(len(train), None))
        return self._rows("training", train, len(val) + to_follow, self.prefix), self._rows("validation", val, to_follow, self._exact)

    def _viewed(self, train: np.ndarray, to_follow: int) -> tuple[list[CachedRows], CachedRows | None]:
        """Stored activations of each view; or, where they go through pixels, these."""
        if not self.cached:
            return [], self._decoded("training", train, to_follow)
        views = self._settings.views
        return [
            self._stored(f"training (view {view + 1} of {views})", train, (views - 1 - view) * len(train) + to_follow, self.prefix, view) for view in range(views)
        ], None

    def test(self) -> Rows:
        return self._rows("test", self._split.test, 0, self._exact)

    @functools.cached_property
    def _exact(self) -> Prefix:
        """For pictures that validate or are tested: nothing is rounded, so that the network gives the same answer for them anywhere."""
        if not self.prefix.rounds:
            return self.prefix
        exact = self.prefix.exactly()
        via = nearest_stored_maps(exact.identity, exact.backbone.spec, content_keys(self._dataset.content_ids[self._judged]), self._workspace)
        return exact if via == exact.via else exact.by_way_of(via)

    @property
    def _judged(self) -> np.ndarray:
        return np.concatenate([self._split.val, self._split.test])

    def _refuse_beyond_budget(self) -> None:
        """Raise ResourceError before the first picture where all that is to be kept doesn't fit, also what comes last."""
        if self.cut.kind == "pixels":
            return  # There are no activations; `decoded` tells of pixels, part by part.
        train, judged = (content_keys(self._dataset.content_ids[rows]) for rows in (self._learnt, self._judged))
        views = [self._seen_as(view).identity for view in range(self._settings.views)] if self._settings.enabled else [self.prefix.identity]
        wanted = [*((view, train) for view in views), (exactly(self.prefix.identity), judged)]
        if any(lacking(identity, ids, self._workspace) for identity, ids in wanted):
            row_shape = self.prefix.engine.row_shape
            whole = sum(len(set(ids)) * Layout(row_shape, identity.dtype).stored_bytes for identity, ids in wanted)
            check_budget(self._workspace, whole, self.prefix.backbone.spec.name)

    def _seen_as(self, view: int) -> Prefix:
        return self.prefix.seen_as(augment.view_name(self._settings, view))

    @property
    def _fresh(self) -> bool:
        return self._settings.enabled and self._settings.views == 0

    def _through_pixels(self, pixels: Rows, rows: np.ndarray, view: int) -> Rows:
        changed = AugmentedRows(pixels, self._dataset.content_ids[rows], self._settings, view)
        return changed if self.cut.kind == "pixels" else FrozenRows(changed, self.prefix.engine, self.cut.dtype)

    def _rows(self, part: str, rows: np.ndarray, to_follow: int, prefix: Prefix) -> CachedRows:
        """Unchanged pictures: their activations, or their pixels where nothing is frozen."""
        return self._decoded(part, rows, to_follow) if self.cut.kind == "pixels" else self._stored(part, rows, to_follow, prefix)

    def _decoded(self, part: str, rows: np.ndarray, to_follow: int) -> CachedRows:
        pixels, ids = functools.partial(self._pixels, rows), self._dataset.content_ids[rows]
        return decoded(pixels, ids, self._side_px, self._workspace, self._reporter, self._report(part, len(rows), to_follow))

    def _stored(self, part: str, rows: np.ndarray, to_follow: int, prefix: Prefix, view: int | None = None) -> CachedRows:
        ids = self._dataset.content_ids[rows]
        pixels: Callable[[np.ndarray], np.ndarray] = functools.partial(self._pixels, rows)
        if view is not None:
            prefix = self._seen_as(view)
            plain = pixels

            def pixels(positions: np.ndarray) -> np.ndarray:
                return augment.augmented(plain(positions), ids[positions], self._settings, view)

        found, use = activations(prefix, pixels, ids, self._workspace, self._reporter, self._report(part, len(rows), to_follow))
        self.use.add(use)
        onward = f", {use.onward} of them from stored feature maps" if use.onward else ""
        self._reporter.log(f"{self._role} {part}: ".lstrip() + f"{use.computed} of {len(rows)} pictures went through the frozen layers ({prefix.engine_name}{onward}); {use.hits} were stored already.")
        return found

    def _pixels(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return self._dataset.pixels(rows[positions], self._side_px)

    def _report(self, part: str, count: int, to_follow: int) -> Callable[[float], None]:
        """Tells progress by the pace so far, with as many pictures `to_follow` later."""
        began = time.perf_counter()

        def report(fraction: float) -> None:
            picture_s = (time.perf_counter() - began) / (fraction * count)
            self._progress(picture_s * ((1 - fraction) * count + to_follow), f"{fraction:.0%} of {count:,} {f'{self._role} {part}'.strip()} pictures")

        return report
