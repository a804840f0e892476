"""ZIPs as people and attackers make them: taken in whole, or refused in one sentence with nothing left."""

import stat
import struct
import zipfile

import pytest

from tests.datasets.samples import digit_png, pets, write_zip, zip_bytes
from tlcore.datasets import archive
from tlcore.datasets.sources import add_dataset
from tlcore.errors import InputError
from tlcore.reporter import NullReporter

DEFLATED = zipfile.ZIP_DEFLATED


def add(path, workspace, name=None):
    return add_dataset(str(path), name, workspace, NullReporter())


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (mode | 0o644) << 16
    return info


def encrypted() -> bytes:
    data = bytearray(zip_bytes(pets()))
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.index(signature) + at
        data[place] |= 1
    return bytes(data)


def bad_checksum() -> bytes:
    data = bytearray(zip_bytes(pets()))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    return bytes(data)


def declared_small() -> bytes:
    """A flat bitmap of 3 MB whose directory says that it is 60 bytes."""
    data = bytearray(zip_bytes(pets() | {"cat/b.bmp": bytes(3 << 20)}, DEFLATED))
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = data.rindex(signature) + at
        data[place : place + 4] = struct.pack("<L", 60)
    return bytes(data)


def overlapping() -> bytes:
    data = bytearray(zip_bytes(pets()))
    first, second = data.index(b"PK\1\2"), data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    return bytes(data)


def many_entries(count: int = 200_001) -> bytes:
    """A directory of so many entries, whose end record claims to hold one."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *bytes(4), *[0] * 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * count
    return directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), 0, 0)


def two_files(name: str) -> dict[str, bytes]:
    return {name: digit_png(7), **pets()}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"hello " * 100, "not a ZIP, whatever its name says"),
        (zip_bytes(pets())[:300], "cut short or damaged"),
        (zip_bytes(pets())[:-10], "cut short or damaged"),
        (zip_bytes(pets())[40:], "lacks its beginning"),
        (bad_checksum(), "'cat/0.png' is damaged (checksum differs)"),
        (declared_small(), "'cat/b.bmp' is damaged"),
        (encrypted(), "is encrypted. Pack it again without a password"),
        (zip_bytes(pets(), zipfile.ZIP_LZMA), "method other than deflate"),
        (zip_bytes(two_files("../cat/x.png")), "'../cat/x.png' is no path inside"),
        (zip_bytes(two_files("cat/../../x.png")), "is no path inside"),
        (zip_bytes(two_files("/cat/x.png")), "is no path inside"),
        (zip_bytes(two_files("cat\\x.png")), "is no path inside"),
        (zip_bytes(two_files("C:/cat/x.png")), "is no path inside"),
        (zip_bytes({special("cat/x.png", stat.S_IFLNK): b"/etc/passwd", **pets()}), "is a link or a device"),
        (zip_bytes({special("cat/x.png", stat.S_IFCHR): b"", **pets()}), "is a link or a device"),
        (zip_bytes(pets() | {"cat/b.bmp": bytes(3 << 20)}, DEFLATED), "'cat/b.bmp' unpacks to more than 100 times"),
        (overlapping(), "overlap"),
        (many_entries(), "more than 200,000 entries"),
        (zip_bytes(pets() | {"cat/more.zip": zip_bytes(pets())}), "holds another archive, 'cat/more.zip'"),
        (zip_bytes(pets() | {"cat/more.tar.gz": b""}), "holds another archive"),
        (zip_bytes({}), "holds no pictures"),
        (zip_bytes({"a/readme.txt": b"x", ".DS_Store": b""}), "holds no pictures"),
        (zip_bytes({"1.png": digit_png(0), "2.png": digit_png(1)}), "holds no class folders"),
        (zip_bytes(pets(dogs=0)), "holds one class, 'cat'"),
        (zip_bytes(pets(dogs=0, prefix="my pets/")), "holds one class, 'cat'"),
        (zip_bytes(pets(dogs=1)), "class 'dog' has 1 usable picture; at least 2 are needed"),
        (zip_bytes(pets(dogs=1) | {"dog/broken.png": b"no"}), "class 'dog' has 1 usable picture;"),
        (zip_bytes(dict.fromkeys(pets(), b"no")), "none of its 6 files is a usable picture; the first, 'cat/0.png': not a picture"),
        (zip_bytes(pets() | {f"CAT/{i}.png": digit_png(50 + i) for i in range(3)}), "'CAT' and 'cat' differ only in capitals"),
        (zip_bytes({f"{n}/{i}.png": digit_png(i) for n in ("é", "e\u0301") for i in range(2)}), "Unicode form"),
        (zip_bytes({f"{n}/{i}.png": digit_png(i) for n in ("a\x07b", "c") for i in range(2)}), "has control characters"),
        (zip_bytes({f"{n}/{i}.png": digit_png(i) for n in ("x" * 300, "c") for i in range(2)}), "over 200 characters"),
    ],
)
def test_a_bad_zip_is_refused_in_one_sentence_and_leaves_nothing(data, said, tmp_path, workspace):
    path = tmp_path / "pets.zip"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        add(path, workspace)
    message = str(caught.value)
    assert message.startswith("pets.zip: ") and "\n" not in message
    assert said in message
    assert not list(workspace.datasets.iterdir()) and not list(workspace.locks.iterdir())


def test_bytes_are_counted_over_the_whole_zip(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    assert sum(map(len, pets().values())) > 1000
    with pytest.raises(InputError, match=r"unpacks to more than .* Give the unpacked folder instead"):
        add(write_zip(tmp_path, pets()), workspace)


def test_the_ratio_is_counted_over_the_whole_zip(tmp_path, workspace):
    """Each of these is below the size at which a single entry is judged."""
    flat = {f"cat/{i}.bmp": bytes(700_000) for i in range(4)}
    with pytest.raises(InputError, match="100 times"):
        add(write_zip(tmp_path, pets() | flat, DEFLATED), workspace)


def test_no_single_picture_may_be_huge(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 100)
    with pytest.raises(InputError, match="too much for one picture"):
        add(write_zip(tmp_path, pets()), workspace)


@pytest.mark.parametrize("prefix", ["", "pets/", "a/b/"])
def test_wrapper_folders_are_taken_off(prefix, tmp_path, workspace):
    dataset = add(write_zip(tmp_path, pets(prefix=prefix), DEFLATED), workspace)
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert set(dataset.official) == {""}


@pytest.mark.parametrize("prefix", ["", "data/"])
def test_train_val_and_test_folders_are_recognised(prefix, tmp_path, workspace):
    files = pets(prefix=f"{prefix}Train/") | pets(2, 2, prefix=f"{prefix}valid/") | pets(1, 1, prefix=f"{prefix}test/")
    dataset = add(write_zip(tmp_path, files), workspace)
    assert dataset.classes == ("cat", "dog")
    assert dataset.report.official == {"train": 6, "val": 4, "test": 2}
    assert [dataset.official[row] for row in (0, 6, 11)] == ["train", "test", "val"]


def test_a_test_folder_without_classes_is_left_out_and_counted(tmp_path, workspace):
    dataset = add(write_zip(tmp_path, pets(prefix="train/") | {"test/1.png": digit_png(9)}), workspace)
    assert dataset.classes == ("cat", "dog")
    assert "1 file left out: not in any class folder." in dataset.report.sentences()


def test_a_class_may_be_called_train(tmp_path, workspace):
    files = {f"{name}/{i}.png": digit_png(i) for name in ("car", "train") for i in range(2)}
    assert add(write_zip(tmp_path, files), workspace).classes == ("car", "train")


def test_junk_and_other_files_are_left_out_and_counted(tmp_path, workspace):
    junk = dict.fromkeys(("__MACOSX/cat/._1.png", "cat/._1.png", "cat/Thumbs.db", ".DS_Store", "dog/.DS_Store"), b"x")
    dataset = add(write_zip(tmp_path, pets() | junk | {"labels.csv": b"1", "cat/": b"", "stray.png": digit_png(5)}), workspace)
    assert len(dataset) == 6
    assert sorted(dataset.report.skipped.values()) == [1, 1, 5]
    assert dataset.report.unreadable_count == 0


def test_unreadable_files_are_listed_with_their_reason_and_the_rest_is_taken(tmp_path, workspace):
    dataset = add(write_zip(tmp_path, pets() | {"cat/no.jpg": b"text", "dog/empty.png": b""}), workspace)
    assert len(dataset) == 6
    assert dict(dataset.report.unreadable).keys() == {"cat/no.jpg", "dog/empty.png"}
    assert dict(dataset.report.unreadable)["dog/empty.png"].startswith("the file is empty")
    assert "2 files could not be read and are left out." in dataset.report.sentences()


def test_strange_file_names_do_no_harm_and_are_shown_by_hash(tmp_path, workspace):
    files = pets() | {"cat/\x07\x1b[31m.png": b"bad", f"dog/{'n' * 300}.png": b"bad", "cat/nuQl.png": b"bad", "dog/=1+1.png": digit_png(44)}
    path = tmp_path / "pets.zip"
    path.write_bytes(zip_bytes(files).replace(b"nuQl", b"nu\0l"))
    dataset = add(path, workspace)
    assert len(dataset) == 7 and dataset.report.unreadable_count == 3
    for name, _ in dataset.report.unreadable:
        assert "SHA-256" in name and name.isprintable() and len(name) < 120


def test_class_names_are_kept_literally(tmp_path, workspace):
    names = ["<b>x</b>", "=1+1", ":red[x]", "naïve 猫"]
    files = {f"{name}/{i}.png": digit_png(i) for name in names for i in range(2)}
    assert set(add(write_zip(tmp_path, {k.replace("</b>", "<b>"): v for k, v in files.items()}), workspace).classes) == {"<b>x<b>", *names[1:]}


def test_an_uploaded_zip_is_named_by_its_dataset_and_told_apart_when_it_is_gone(workspace):
    path = workspace.uploads / f"{'ab' * 32}.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match="^my pets.zip: not a ZIP"):
        add(path, workspace, name="my pets")
    path.write_bytes(zip_bytes(pets()))
    dataset = add(path, workspace, name="my pets")
    assert dataset.source == "an uploaded ZIP" and path.exists()  # Whoever records the dataset deletes it.
    path.unlink()
    with pytest.raises(InputError, match="no longer kept. Upload it again"):
        add(path, workspace, name="my pets")
