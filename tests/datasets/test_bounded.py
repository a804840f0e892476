"""Pictures of strangers are decoded within bounds, which end with the decoding."""

import sys

import pytest

from tests.datasets.samples import pets, write_zip
from tlcore.datasets import sources, stored
from tlcore.datasets.bounded import bounded_memory, decoding_bytes
from tlcore.datasets.sources import add_dataset
from tlcore.machine import cores
from tlcore.reporter import NullReporter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps such a limit")


def address_space() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0]


def test_more_than_allowed_is_refused_and_allowed_again_afterwards():
    before = address_space()
    with bounded_memory(64 << 20):
        with pytest.raises(MemoryError):
            bytearray(1 << 30)
        bytearray(1 << 20)
    assert address_space() == before and len(bytearray(1 << 30)) == 1 << 30


def test_an_import_of_files_is_bounded_and_a_picture_beyond_the_bound_is_listed(workspace, tmp_path, monkeypatch):
    before, bounds = address_space(), set()

    def from_file(data: bytes, where: str) -> stored.Stored:
        picture = stored.from_file(data, where)
        bounds.add(address_space())
        if picture.data == greedy:
            bytearray(2 * decoding_bytes(cores()))
        return picture

    files = pets()
    greedy = stored.from_file(files["cat/1.png"], "").data
    monkeypatch.setattr(sources, "from_file", from_file)
    dataset = add_dataset(write_zip(tmp_path, files), None, workspace, NullReporter())
    (bound,) = bounds
    assert bound != before and bound > decoding_bytes(cores())
    assert len(dataset) == 5 and dataset.report.unreadable[0][0] == "cat/1.png"
    assert "needs more memory than an import may take" in dataset.report.unreadable[0][1]
    assert address_space() == before
