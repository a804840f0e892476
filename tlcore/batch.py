"""Many pictures put to some models, so that it may be stopped at any picture and goes on from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tlcore.picture_files import PictureFiles
from tlcore.predict import KEPT_PX, Answer, Model, predict

FEW = 4  # So many are looked at closely at once; of more, the one that is chosen.
THUMBNAIL_PX = 96


class Batch:
    """`answers` grows in the order of the files. Of more than FEW pictures only thumbnails are kept, and no heat."""

    def __init__(self, models: Mapping[str, Model], files: PictureFiles) -> None:
        self.models, self.files = models, files
        self.answers: list[Answer] = []
        self._close: tuple[int, Answer] | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def few(self) -> bool:
        return len(self) <= FEW

    @property
    def finished(self) -> bool:
        return len(self.answers) == len(self)

    def go_on(self) -> Iterator[int]:
        """Ask about what wasn't asked about yet; yields how many are answered."""
        kept_px = KEPT_PX if self.few else THUMBNAIL_PX
        for answer in predict(self.models, self.files.files(len(self.answers)), closely=self.few, kept_px=kept_px):
            self.answers.append(answer)
            yield len(self.answers)

    def closely(self, place: int) -> Answer:
        """The answer about one picture, with heat and a copy for looking at; the last one that was asked for is kept."""
        if self.few or self.answers[place].error:
            return self.answers[place]
        if self._close is None or self._close[0] != place:
            self._close = place, next(predict(self.models, [self.files.read(place)], closely=True))
        return self._close[1]
