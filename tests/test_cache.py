"""The budget of the activation cache: what goes first, what stays, and the sentences when it can't be."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.stored_rows import (
    LAYOUT,
    SEGMENT_BYTES,
    ids,
    start_user,
    store_network,
    store_segment,
    values,
)
from tlcore import cache, cache_files, locks
from tlcore.activations import ActivationCache, CachedRows
from tlcore.amounts import read_size
from tlcore.budget import GB, budget, default_bytes, set_budget
from tlcore.errors import ConflictError, InputError, ResourceError
from tlcore.in_use import PREFIX, read_marks

DESCRIPTIONS = 2000  # Bytes of the layout.json files, at most.


@pytest.fixture(autouse=True)
def allow(monkeypatch):
    """`allow(3.5)`: the budget, in segments; the default at first."""
    monkeypatch.delenv("TLCORE_CACHE_GB", raising=False)
    return lambda segments: monkeypatch.setenv("TLCORE_CACHE_GB", str((segments * SEGMENT_BYTES + DESCRIPTIONS) / GB))


@pytest.fixture
def user():
    """Start processes that use a segment; they end with the test."""
    started: list[subprocess.Popen] = []

    def begin(path, number):
        started.append(start_user(path.parent, number))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def kill(process):
    process.kill()
    process.wait()


def segments(workspace):
    return set(workspace.activations.rglob("*.rows"))


def test_contents_say_what_is_there_in_words(workspace):
    store_segment(workspace, "a", 1, 2 * 3600)
    store_segment(workspace, "a", 2, 3 * 3600)
    store_segment(workspace, "b", 1, 60, backbone="VGG16", kind="map", cut="block4_pool", engine="tensorflow", keras="0.0")
    store_network(workspace, "a", 9 * 3600)
    store_network(workspace, "c", 9 * 3600, 50_000)
    held = cache.contents(workspace)
    said = [f"{entry.name}: {entry.details()}" for entry in held.entries]
    assert said == [
        "MobileNetV2 · 96 px · pooled: 200 pictures, 300 kB, used 2 h ago",
        "VGG16 · 96 px · feature maps below the top block in float32 · by TensorFlow · of other library versions: 100 pictures, 100 kB, used 1 min ago",
        "Converted network: 50.0 kB, used 9 h ago",
    ]
    everything = sum(path.stat().st_size for path in workspace.cache.rglob("*") if path.is_file())
    assert held.bytes == everything and held.text == f"450 kB of {held.budget.text}"
    assert not any(entry.in_use for entry in held.entries)


def test_what_a_key_stands_for_in_words():
    assert cache.name_of({"format": 1, "kind": "pixels", "input_size": 96}) == "Decoded pictures · 96 px"
    about = {"backbone": "VGG16", "input_size": 64, "kind": "map", "cut": "block5_pool", "view": "3"}
    assert cache.name_of(about) == "VGG16 · 64 px · feature maps of the last block · changed view 3"
    assert cache.name_of(about | {"cut": "block3_pool", "view": None}) == "VGG16 · 64 px · feature maps below the top 2 blocks"
    assert cache.name_of(about | {"view": None, "dtype": "float32"}) == "VGG16 · 64 px · feature maps of the last block in float32"


def test_the_least_recently_used_goes_first_segment_by_segment(workspace, allow):
    a1, a2 = store_segment(workspace, "a", 1, 400), store_segment(workspace, "a", 2, 100)
    b1, b2 = store_segment(workspace, "b", 1, 300), store_segment(workspace, "b", 2, 200)
    allow(5)
    assert cache.evict(workspace, SEGMENT_BYTES).by_name == {} and segments(workspace) == {a1, a2, b1, b2}
    assert cache.evict(workspace, 2 * SEGMENT_BYTES).bytes == SEGMENT_BYTES and segments(workspace) == {a2, b1, b2}
    assert cache.evict(workspace, 4 * SEGMENT_BYTES).bytes == 2 * SEGMENT_BYTES and segments(workspace) == {a2}
    assert not (workspace.activations / "b").exists(), "a folder without rows is of no use"
    assert (workspace.activations / "a" / "layout.json").exists()


def test_taking_rows_is_what_counts_as_use(workspace, allow):
    a, b = store_segment(workspace, "a", 1, 400), store_segment(workspace, "b", 1, 300)
    looked_at = ActivationCache(b.parent)
    looked_at.missing(ids(1))
    ActivationCache(a.parent).rows(ids(1))
    allow(1)
    cache.evict(workspace)
    assert segments(workspace) == {a}


def test_a_network_goes_with_the_last_use_of_its_key(workspace, allow):
    old, new = store_network(workspace, "a", 900), store_network(workspace, "b", 800)
    row = store_segment(workspace, "a", 1, 10)
    allow(2)
    removed = cache.evict(workspace)
    assert removed.by_name == {cache.CONVERTED: SEGMENT_BYTES}
    assert all(path.exists() for path in [*old, row]) and not any(path.exists() for path in new)
    allow(0.5)
    cache.evict(workspace, protect=["a"])
    assert row.exists()


def test_what_a_living_process_uses_stays_until_it_is_killed(workspace, allow, user):
    used, other = store_segment(workspace, "a", 1, 500), store_segment(workspace, "a", 2, 100)
    network = store_network(workspace, "a", 500)
    process = user(used, 1)
    os.utime(used, (time.time() - 500,) * 2)  # Its age must not be what saves it.
    allow(0.1)
    cache.evict(workspace)
    assert segments(workspace) == {used} and all(path.exists() for path in network)
    assert cache.contents(workspace).entries[0].in_use
    kept = cache.clear(workspace)
    assert segments(workspace) == {used} and "stay: runs that are going on use them" in kept.text
    kill(process)
    cache.evict(workspace)
    assert not segments(workspace) and not list(workspace.activations.iterdir()) and not other.exists()
    assert not any(path.exists() for path in network)


def test_a_mark_ends_with_the_rows_that_it_protects(workspace):
    path = store_segment(workspace, "a", 1, 500)
    rows = ActivationCache(path.parent).rows(ids(1))
    part = rows.part(slice(10))
    del rows
    assert path.name in read_marks(path.parent).names
    del part
    assert not list(path.parent.glob(f"{PREFIX}*"))


@pytest.mark.skipif(os.name != "posix", reason="elsewhere an open file can't be removed")
def test_rows_evicted_between_missing_and_rows_are_still_read(workspace, allow):
    path = store_segment(workspace, "a", 1, 500)
    run = ActivationCache(path.parent)
    assert run.missing(ids(1)) == []
    cache.clear(workspace)
    assert not path.exists()
    rows: CachedRows = run.rows(ids(1))
    np.testing.assert_array_equal(rows.take(), values(1))


def test_a_run_whose_folder_is_evicted_while_it_fills_goes_on(workspace):
    folder = workspace.activations / "a"
    run = ActivationCache(folder)
    run.create(LAYOUT, {"backbone": "MobileNetV2"})
    cache.clear(workspace)
    run.append(ids(1), values(1))
    for path in [folder / "layout.json", *folder.glob(f"{PREFIX}*")]:
        path.unlink()  # As if an evictor had looked before the run began.
    run.append(ids(2), values(2))
    again = ActivationCache(folder)
    assert again.missing(ids(1) + ids(2)) == [] and again.about == {"backbone": "MobileNetV2"}
    np.testing.assert_array_equal(again.rows(ids(2)).take(), values(2))


def test_room_is_made_beside_the_rows_that_the_run_needs(workspace, allow):
    needed, old, new = (store_segment(workspace, "a", number, age) for number, age in ((1, 900), (2, 800), (3, 100)))
    lines: list[str] = []
    allow(3)
    run = ActivationCache(needed.parent)
    cache.make_room(workspace, run, ids(1) + ids(9), SEGMENT_BYTES, "MobileNetV2", lines.append)
    assert segments(workspace) == {needed, new} and not old.exists()
    assert lines == ["Removed 100 kB from the activation cache: MobileNetV2 · 96 px · pooled (100 kB)."]
    cache.make_room(workspace, run, ids(1), SEGMENT_BYTES, "MobileNetV2", lines.append)
    assert segments(workspace) == {needed, new} and len(lines) == 1, "asking again counts the same room once"


def test_two_who_make_room_count_each_other_in(workspace, allow):
    paths = [store_segment(workspace, "old", number, 1000 - number) for number in range(10)]
    allow(10)
    runs = [ActivationCache(workspace.activations / name) for name in ("a", "b")]
    threads = [threading.Thread(target=cache.make_room, args=(workspace, run, ids(20), 3 * SEGMENT_BYTES, "MobileNetV2")) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert segments(workspace) == set(paths[6:])
    for run in runs:
        run.create(LAYOUT, {})
    for number in range(20, 23):
        for run in runs:
            run.append(ids(number), values(number))
        assert cache.evict(workspace).bytes == 0, "what is written comes off the reserve"
    assert cache.contents(workspace).bytes <= budget(workspace).bytes
    runs.clear()
    del run
    assert not list(workspace.activations.rglob(f"{PREFIX}*"))


TWO_EVICTORS = """
import sys, time
from pathlib import Path
from tlcore import cache
from tlcore.workspace import Workspace
looked = cache.look
def look(*arguments):
    found = looked(*arguments)
    time.sleep(1.0)  # So long that the other one would look as well.
    return found
cache.look = look
print(cache.evict(Workspace(Path(sys.argv[1]))).bytes)
"""


def test_two_evictors_at_once_remove_no_more_than_one(workspace, allow):
    paths = [store_segment(workspace, "old", number, 1000 - number) for number in range(40)]
    excess = sum(path.stat().st_size for path in paths[:15])
    allow(25)
    both = [subprocess.Popen([sys.executable, "-c", TWO_EVICTORS, str(workspace.root)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(int(process.communicate(timeout=60)[0]) for process in both)
    assert said == [0, excess], "the second one saw what the first had removed"
    assert segments(workspace) == set(paths[15:])


def test_a_need_beyond_the_budget_is_told_before_anything_is_removed(workspace, allow):
    path = store_segment(workspace, "a", 1, 100)
    run = ActivationCache(workspace.activations / "b")
    set_budget(workspace, 2_000_000)
    with pytest.raises(ResourceError, match=r"of VGG16 need 3.0 MB, and the cache may take 2.0 MB in all.*tlcore cache budget.*lower backbone.input_size, split.train_fraction"):
        cache.make_room(workspace, run, ids(1), 3_000_000, "VGG16")
    allow(2)
    with pytest.raises(ResourceError, match="Either raise TLCORE_CACHE_GB, or lower"):
        cache.make_room(workspace, run, ids(1), 3_000_000, "VGG16")
    assert path.exists() and not run.folder.exists()


def test_room_that_others_use_is_told_with_both_figures(workspace, allow, user):
    free, used = store_segment(workspace, "a", 1, 100), store_segment(workspace, "b", 2, 200)
    user(used, 2)
    allow(2)
    run = ActivationCache(workspace.activations / "c")
    with pytest.raises(ResourceError, match=r"need 200 kB, and runs that are going on use 10\d kB of the .*Wait for their end"):
        cache.make_room(workspace, run, ids(5), 2 * SEGMENT_BYTES, "VGG16")
    assert free.exists()


def test_a_full_disk_makes_room_as_a_full_budget_does(workspace, monkeypatch):
    old, new = store_segment(workspace, "a", 1, 200), store_segment(workspace, "a", 2, 100)
    monkeypatch.setattr(cache, "free_bytes", lambda folder: SEGMENT_BYTES)
    run = ActivationCache(workspace.activations / "b")
    with pytest.raises(ResourceError, match=r"The disk is too full.* need 500 kB, and 300 kB can be had.*lower"):
        cache.make_room(workspace, run, ids(5), 5 * SEGMENT_BYTES, "VGG16")
    assert segments(workspace) == {old, new}
    cache.make_room(workspace, run, ids(5), 2 * SEGMENT_BYTES, "VGG16")
    assert segments(workspace) == {new}


@pytest.mark.parametrize("text", ["{", "[]", '{"row_shape": 3, "dtype": "float32"}', '{"row_shape": [3], "dtype": "nonsense"}', '{"row_shape": ["x"], "dtype": "float32"}', ""])
def test_a_damaged_description_is_listed_and_removed_like_others(workspace, allow, text):
    path = store_segment(workspace, "a", 1, 100)
    (path.parent / "layout.json").write_text(text)
    assert ActivationCache(path.parent).layout is None
    (entry,) = cache.contents(workspace).entries
    assert (entry.name, entry.details()) == ("Not described", "100 kB, used 1 min ago")
    allow(0.1)
    assert cache.evict(workspace).text == "Removed 100 kB from the activation cache: Not described (100 kB)."
    assert not path.parent.exists()


def test_what_is_being_written_stays_and_what_a_killed_worker_left_goes(workspace):
    store_segment(workspace, "a", 1, 100)
    store_network(workspace, "a", 100)
    places = workspace.activations / "a", workspace.compiled
    young, stale = [place / ".writing-1-x.xml" for place in places], [place / ".writing-2-x.bin" for place in places]
    for path in [*young, *stale]:
        path.write_bytes(b"x" * 1000)
    for path in stale:
        os.utime(path, (time.time() - 7200,) * 2)
    cache.clear(workspace)
    assert all(path.exists() for path in young) and not any(path.exists() for path in stale) and not segments(workspace)


def test_a_file_that_cannot_be_removed_is_passed_over(workspace, allow, monkeypatch):
    stuck, other = store_segment(workspace, "a", 1, 300), store_segment(workspace, "b", 1, 200)
    unlink = type(stuck).unlink

    def as_on_windows(path, missing_ok=False):
        if path == stuck:
            raise PermissionError(13, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(cache_files.Path, "unlink", as_on_windows)
    allow(1)
    assert cache.evict(workspace).bytes == SEGMENT_BYTES
    assert segments(workspace) == {stuck} and not other.exists()


def test_emptying_removes_everything_and_an_empty_cache_is_no_error(workspace):
    assert cache.contents(workspace).bytes == 0 and cache.clear(workspace).text == "Nothing was removed."
    store_segment(workspace, "a", 1, 100)
    store_network(workspace, "b", 100)
    assert cache.clear(workspace).bytes == 2 * SEGMENT_BYTES
    assert cache.contents(workspace).bytes == 0 and not list(workspace.activations.iterdir())


def test_an_evictor_that_waits_too_long_goes_on(workspace, allow, monkeypatch):
    monkeypatch.setattr(cache, "LOCK_WAIT_S", 0.1)
    store_segment(workspace, "a", 1, 100)
    stuck = locks.FileLock.take(workspace.cache_lock)
    cache.clear(workspace)
    assert not segments(workspace)
    stuck.release()


def test_the_budget_is_the_environments_then_the_workspaces_then_a_share_of_the_disk(workspace, monkeypatch):
    assert (budget(workspace).bytes, budget(workspace).source) == (default_bytes(workspace), "default")
    assert set_budget(workspace, 20 * GB).text == "20 GB"
    assert json.loads(workspace.cache_settings.read_text()) == {"budget_bytes": 20 * GB}
    monkeypatch.setenv("TLCORE_CACHE_GB", "0.25")
    assert (budget(workspace).bytes, budget(workspace).source, budget(workspace).text) == (250_000_000, "environment", "250 MB")
    with pytest.raises(ConflictError, match="set by TLCORE_CACHE_GB"):
        set_budget(workspace, GB)
    monkeypatch.setenv("TLCORE_CACHE_GB", "")
    assert budget(workspace).bytes == 20 * GB
    assert set_budget(workspace, None).source == "default"


@pytest.mark.parametrize(("disk_gb", "budget_gb"), [(1000, 50), (250, 50), (100, 20), (64, 12), (2, 1)])
def test_the_default_budget_suits_the_disk(workspace, monkeypatch, disk_gb, budget_gb):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"total": disk_gb * GB}))
    assert default_bytes(workspace) == budget_gb * GB


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"budget_bytes": "much"}', '{"budget_bytes": -1}', '{"budget_bytes": true}', '{"budget_bytes": 1e99}'])
def test_a_damaged_setting_means_the_default(workspace, text):
    workspace.cache_settings.write_text(text)
    assert budget(workspace).source == "default"


@pytest.mark.parametrize("text", ["abc", "-3", "0", "nan", "inf", "1e99", "20GB"])
def test_a_wrong_environment_gets_a_sentence(workspace, monkeypatch, text):
    monkeypatch.setenv("TLCORE_CACHE_GB", text)
    with pytest.raises(InputError, match="TLCORE_CACHE_GB is .*give a number of gigabytes"):
        budget(workspace)


@pytest.mark.parametrize(("text", "bytes_"), [("20GB", 20 * GB), ("1.5 tb", 1500 * GB), ("500MB", 500_000_000), ("20", 20 * GB)])
def test_sizes_are_read_with_their_unit(text, bytes_):
    assert read_size(text) == bytes_


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1e9", "20 GiB", "nan", "٣GB", "1" * 400])
def test_what_is_no_size_gets_a_sentence(text):
    with pytest.raises(InputError, match="is no size.*such as 20GB"):
        read_size(text)


def test_a_budget_out_of_range_is_refused_and_nothing_changes(workspace):
    for bytes_ in (0, -1, 10**16):
        with pytest.raises(InputError, match="between 1 MB and"):
            set_budget(workspace, bytes_)
    assert not workspace.cache_settings.exists()


def test_many_segments_are_listed_fast(workspace):
    store_segment(workspace, "a", 1, 100)
    folder = workspace.activations / "a"
    for number in range(2000):
        (folder / f"{number:064x}.rows").write_bytes(b"")
    began = time.monotonic()
    cache.contents(workspace)
    assert time.monotonic() - began < 1.0
