"""Collections keep what was taken, tell bursts apart, and survive several tabs and bad pictures."""

import io
import threading

import pytest
from PIL import Image

from tests.collecting.frames import frame, shots
from tests.strange_pictures import REFUSED, TAKEN
from tlcore.collecting import collection as collecting
from tlcore.collecting.collection import Collection, Shot, lacking
from tlcore.errors import ConflictError, InputError, NotFoundError


@pytest.fixture
def collection(workspace) -> Collection:
    return Collection.start(workspace, "cups and pens")


def bursts(collection: Collection, label: int) -> list[int]:
    return [taken.burst for taken in collection.pictures(label)]


def test_a_new_one_has_two_classes_to_be_named(collection, workspace):
    assert collection.about().classes == {1: "Class 1", 2: "Class 2"} and collection.pictures() == []
    assert [found.id for found in Collection.all(workspace)] == [collection.id]
    assert Collection.find(workspace, collection.id).about().name == "cups and pens"


def test_frames_that_follow_each_other_are_one_burst(collection):
    collection.take(1, shots(0, 0, 4))
    collection.take(1, shots(0, 1, 2, at_s=1.5))  # The first of them 1.25 s after the last before.
    collection.take(1, shots(0, 2, 2, at_s=3.9))  # 2.15 s after.
    collection.take(2, shots(1, 0, 1))
    assert bursts(collection, 1) == [1] * 6 + [2] * 2 and bursts(collection, 2) == [1]


def test_frames_that_come_late_join_the_burst_they_were_taken_in(collection):
    early, late = shots(0, 0, 1, at_s=0), shots(0, 0, 2, at_s=1)[1:]
    collection.take(1, early)
    collection.take(1, shots(0, 1, 1, at_s=60))  # Of another tab, say, while the second bundle was on its way.
    collection.take(1, late)
    assert bursts(collection, 1) == [1, 1, 2]


def test_removing_the_middle_of_a_burst_leaves_it_one(collection):
    collection.take(1, shots(0, 0, 20, every_s=0.5))
    middle = [taken.key for taken in collection.pictures(1)[4:16]]
    collection.remove([*middle, "1/never-there.jpg", "../../store.db"])
    assert bursts(collection, 1) == [1] * 8
    collection.take(1, shots(0, 1, 1, at_s=10))
    assert bursts(collection, 1) == [1] * 8 + [2]


def test_what_is_sent_twice_is_kept_once(collection):
    one = shots(0, 0, 3)
    assert len(collection.take(1, one)) == 3 and collection.take(1, one) == []
    assert len(collection.pictures()) == 3


def test_only_pixels_are_kept_and_large_frames_made_smaller(collection):
    exif = Image.Exif()
    exif[0x010E] = "who and where"
    out = io.BytesIO()
    Image.new("RGB", (1920, 1080), "teal").save(out, "JPEG", exif=exif)
    (taken,) = collection.take(1, [Shot(out.getvalue(), 0)])
    data = taken.path.read_bytes()
    kept = Image.open(io.BytesIO(data))
    assert kept.size == (640, 360) and not kept.getexif() and b"who and where" not in data


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_what_is_no_picture_is_one_sentence_and_leaves_nothing(place, collection):
    data, said = REFUSED[place]
    with pytest.raises(InputError) as caught:
        collection.take(1, [Shot(frame(0, 0, 0), 0), Shot(data, 0)])
    assert str(caught.value).startswith("The camera's picture: ") and said in str(caught.value) and collection.pictures() == []


@pytest.mark.parametrize("name", TAKEN)
def test_whatever_is_a_picture_is_taken(name, collection):
    (taken,) = collection.take(1, [Shot(TAKEN[name], 0)])
    assert Image.open(taken.path).mode == "RGB"


def test_a_collection_has_an_end(collection, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_PICTURES", 3)
    collection.take(1, shots(0, 0, 3))
    with pytest.raises(InputError, match="holds up to 3 pictures"):
        collection.take(2, shots(1, 0, 1))
    for _ in range(collecting.MOST_CLASSES - 2):
        collection.add_class()
    with pytest.raises(InputError, match="up to 20 classes"):
        collection.add_class()


def test_classes_are_named_added_and_dropped(collection):
    collection.name_class(1, "👨\u200d👩\u200d👧 über 杯")
    collection.name_class(1, "  cup ")
    with pytest.raises(ConflictError, match="Another class is called 'cup'"):
        collection.name_class(2, "Cup")
    for bad in ("", "   ", "a\nb", "x" * 81):
        with pytest.raises(InputError, match="1 to 80 printable characters"):
            collection.name_class(2, bad)
    third = collection.add_class()
    collection.take(third, shots(2, 0, 2))
    collection.drop_class(third)
    assert collection.about().classes == {1: "cup", 2: "Class 2"} and collection.pictures() == []
    with pytest.raises(NotFoundError, match="was removed"):
        collection.take(third, shots(2, 0, 2))


def test_the_name_of_an_added_class_is_free(collection):
    collection.name_class(1, "Class 3")
    label = collection.add_class()
    assert collection.about().classes[label] == "Class 4"


def test_what_is_lacking_is_said_until_nothing_is(collection):
    collection.name_class(1, "cup")
    assert lacking(collection.about(), []) == ["Take pictures of 'cup'.", "Take pictures of 'Class 2'."]
    for burst in range(3):
        for label in (1, 2):
            collection.take(label, shots(label, burst, 2, at_s=5 * burst))
        said = lacking(collection.about(), collection.pictures())
        assert said == ([] if burst == 2 else [f"Take {2 - burst} more burst{'s' if burst == 0 else ''} of {name!r}." for name in ("cup", "Class 2")])
    collection.drop_class(2)
    assert lacking(collection.about(), collection.pictures()) == ["Add a second class: telling apart needs two."]


def test_two_tabs_at_once_lose_nothing(collection):
    def tab(label: int) -> None:
        for burst in range(3):
            collection.take(label, shots(label, burst, 2))
            collection.add_class()

    tabs = [threading.Thread(target=tab, args=(label,)) for label in (1, 2)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()
    assert len(collection.pictures()) == 12 and sorted(collection.about().classes) == list(range(1, 9))


@pytest.mark.parametrize("collection_id", ["", "..", "../datasets", "0123456789ab", "x" * 5000])
def test_an_id_that_is_none_is_not_found(collection_id, workspace):
    with pytest.raises(NotFoundError, match="no such collection"):
        Collection.find(workspace, collection_id)


def test_a_damaged_one_says_so_and_a_deleted_one_is_gone(collection, workspace):
    (collection.folder / "collection.json").write_text("{")
    with pytest.raises(NotFoundError, match="gone or damaged"):
        collection.about()
    collection.delete()
    assert Collection.all(workspace) == [] and not collection.folder.exists()
