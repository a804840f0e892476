"""Chosen files as one row of pictures, and a batch that stops and goes on."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image

from tests.finished_run import png
from tests.test_predict import Linear
from tlcore.batch import FEW, THUMBNAIL_PX, Batch
from tlcore.picture_files import PictureFiles
from tlcore.predict import Model


def zipped(*names: str, data: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_pictures_and_what_is_in_zips_make_one_row_up_to_a_limit():
    files = PictureFiles([("a.png", b"1"), ("more.ZIP", zipped("dog/2.png", "cat/1.png", "notes.txt")), ("z.png", b"2"), ("bad.zip", b"no")], most=3)
    assert [name for name, _ in files.files()] == ["a.png", "cat/1.png", "dog/2.png"]
    assert len(files) == 3 and files.left_out == 1 and files.skipped == 1
    assert len(files.refused) == 1 and "bad.zip: not a ZIP" in files.refused[0]


def test_a_damaged_picture_in_a_zip_is_one_sentence_and_the_others_are_answered():
    good = png(Image.new("RGB", (8, 8), "white"))
    content = bytearray(zipped("1.png", "2.png", "3.png", data=good))
    at = content.index(good, content.index(good) + 1)
    content[at + 40] ^= 0xFF
    batch = Batch({"m": Model(Linear((0, 3, 8)))}, PictureFiles([("few.zip", bytes(content))], 10))
    assert list(batch.go_on()) == [1, 2, 3]
    assert "few.zip: '2.png' is damaged (checksum differs)" in batch.answers[1].error
    assert batch.answers[0].verdicts and batch.answers[2].verdicts


def test_a_batch_that_was_stopped_goes_on_where_it_was():
    network = Linear((0, 3, 8))
    files = PictureFiles([(f"{i}.png", png(Image.new("RGB", (300, 200), (20 * i,) * 3))) for i in range(FEW + 3)], 50)
    batch = Batch({"m": Model(network)}, files)
    going = batch.go_on()
    assert next(going) == 1 and not batch.finished
    going.close()
    assert list(batch.go_on())[-1] == FEW + 3 and batch.finished
    assert [answer.file for answer in batch.answers] == [name for name, _ in files.files()]
    assert max(batch.answers[0].image.size) <= THUMBNAIL_PX and not batch.answers[0].verdicts["m"].heats
    close = batch.closely(2)
    assert close.image.size == (300, 200) and close.verdicts["m"].heats
    np.testing.assert_allclose(close.verdicts["m"].given, batch.answers[2].verdicts["m"].given, atol=1e-6)
    asked = len(network.asked)
    assert batch.closely(2) is close and len(network.asked) == asked


def test_few_pictures_are_looked_at_closely_at_once():
    batch = Batch({"m": Model(Linear((0, 3, 8)))}, PictureFiles([("1.png", png(Image.new("RGB", (8, 8), "white")))], 50))
    list(batch.go_on())
    assert batch.few and batch.answers[0].verdicts["m"].heats and batch.closely(0) is batch.answers[0]


def test_of_two_that_go_on_at_once_only_the_later_one_adds_answers():
    """As where a page is drawn anew while the drawing before it still waits for its next answer."""
    names = [f"{place}.png" for place in range(40)]
    batch = Batch({"m": Model(Linear((0, 3, 8)))}, PictureFiles([("many.zip", zipped(*names, data=png(Image.new("RGB", (8, 8), "white"))))], 50))
    before = batch.go_on()
    assert next(before) == 1
    after = batch.go_on()
    assert next(after) == 2
    assert list(before) == [] and list(after) == list(range(3, 41))
    assert batch.finished and [answer.file for answer in batch.answers] == [batch.files.read(place)[0] for place in range(40)]
