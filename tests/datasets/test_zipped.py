"""Pictures in a ZIP in the order of their names; what is none is left out, and what is wrong is one sentence."""

from __future__ import annotations

import io
import zipfile

import pytest

from tlcore.datasets.zipped import ZippedPictures
from tlcore.errors import InputError


def zipped(**files: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer


def test_pictures_come_by_name_with_their_folders_and_the_rest_is_counted():
    given = ZippedPictures(zipped(**{"b/2.png": b"two", "a/1.jpg": b"one", "loose.png": b"three", "__MACOSX/._1.jpg": b"", "notes.txt": b""}), "pets.zip")
    assert given.names == ["a/1.jpg", "b/2.png", "loose.png"] and len(given) == 3
    assert list(given.files())[1:] == [("b/2.png", b"two"), ("loose.png", b"three")]
    assert sum(given.skipped.values()) == 2


def test_names_that_can_not_be_shown_are_told_by_their_hash_and_folders_stay():
    [name] = ZippedPictures(zipped(**{"cat/" + "x" * 300 + ".png": b"1"}), "z").names
    assert name.startswith("cat/'xxxx") and "SHA-256" in name


@pytest.mark.parametrize(("content", "said"), [
    (b"no zip", "not a ZIP"), (b"", "the file is empty"), (zipped(a=b"1").getvalue()[:30], "cut short or damaged"),
    (zipped(**{"notes.txt": b""}).getvalue(), "holds no pictures"), (zipped(**{"more.zip": b""}).getvalue(), "another archive"),
    (zipped(**{"../a.png": b"1"}).getvalue(), "no path inside the ZIP"),
], ids=lambda value: value if isinstance(value, str) else "zip")  # Of the sentence alone: a ZIP's own bytes hold the time, and processes that share the suite must call a test the same.
def test_what_is_wrong_with_a_zip_is_one_sentence(content, said):
    with pytest.raises(InputError, match=r"^pets\.zip") as error:
        ZippedPictures(io.BytesIO(content), "pets.zip")
    assert said in str(error.value)
