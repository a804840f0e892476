"""Many pictures put to some models, so that it may be stopped at any picture and goes on from there."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

from tlcore.picture_files import PictureFiles
from tlcore.predict import KEPT_PX, Answer, Model, predict

FEW = 4  # So many are looked at closely at once; of more, the one that is chosen.
THUMBNAIL_PX = 96


class Batch:
    """`answers` grows in the order of the files. Of more than FEW pictures only thumbnails are kept, and no heat.

    May be shared between threads: a page that is drawn anew goes on while the drawing before it hasn't ended yet.
    """

    def __init__(self, models: Mapping[str, Model], files: PictureFiles) -> None:
        self.models, self.files = models, files
        self.answers: list[Answer] = []
        self._close: tuple[int, Answer] | None = None
        self._turn, self._taking = 0, threading.Lock()

    def __len__(self) -> int:
        return len(self.files)

    @property
    def few(self) -> bool:
        return len(self) <= FEW

    @property
    def finished(self) -> bool:
        return len(self.answers) == len(self)

    def go_on(self) -> Iterator[int]:
        """Ask about what wasn't asked about yet; yields how many are answered. Whoever began to before adds nothing from then on."""
        kept_px = KEPT_PX if self.few else THUMBNAIL_PX
        with self._taking:
            self._turn, done = self._turn + 1, len(self.answers)
            turn = self._turn
        for answer in predict(self.models, self.files.files(done), closely=self.few, kept_px=kept_px):
            with self._taking:
                if turn != self._turn:
                    return
                self.answers.append(answer)
                done = len(self.answers)
            yield done

    def closely(self, place: int) -> Answer:
        """The answer about one picture, with heat and a copy for looking at; the last one that was asked for is kept."""
        if self.few or self.answers[place].error:
            return self.answers[place]
        if self._close is None or self._close[0] != place:
            self._close = place, next(predict(self.models, [self.files.read(place)], closely=True))
        return self._close[1]
