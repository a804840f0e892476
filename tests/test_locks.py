"""Locks on files that others remove, and locks that others look at."""

import threading
import time

from tlcore import locks


def test_a_file_removed_between_opening_and_locking_is_taken_anew(tmp_path, monkeypatch):
    path, lock_once = tmp_path / "worker-w.lock", locks._lock
    removed: list[bool] = []

    def swept_before_locking(handle: int) -> bool:
        if not removed:
            removed.append(True)
            path.unlink()
        return lock_once(handle)

    monkeypatch.setattr(locks, "_lock", swept_before_locking)
    lock = locks.FileLock.take(path, content="mine")
    assert removed and lock is not None and lock.in_place()
    assert path.read_text() == "mine" and locks.is_held(path)
    lock.release()


def test_an_owner_lock_waits_for_whoever_only_looks(tmp_path):
    looking = locks.FileLock.take(locks.owner_lock(tmp_path, "w"))
    threading.Timer(0.2, looking.release).start()
    lock = locks.take_owner_lock(tmp_path, "w")
    assert lock is not None and locks.owner_process(tmp_path, "w") == locks.ProcessId.own()
    lock.release()


def test_a_lock_that_is_held_is_not_given_twice_and_its_content_stays(tmp_path):
    path = tmp_path / "a.lock"
    lock = locks.FileLock.take(path, content="first")
    began = time.monotonic()
    assert locks.FileLock.take(path, wait_s=0.1, content="second") is None
    assert time.monotonic() - began >= 0.1 and path.read_text() == "first"
    lock.remove()
    assert not path.exists()
