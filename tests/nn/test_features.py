"""The activation cache: computed once, filled incrementally, never trusted when damaged."""

import errno
import importlib.metadata
import json
import threading

import numpy as np
import pytest

from tlcore import cache as cache_module
from tlcore import cuts, route
from tlcore.activations import ActivationCache, Layout, content_keys
from tlcore.cuts import cut_for
from tlcore.errors import Cancelled, ResourceError
from tlcore.in_use import PREFIX
from tlcore.nn import features
from tlcore.nn import prefix as prefix_module
from tlcore.nn.features import activations
from tlcore.nn.models import prefix_model
from tlcore.nn.prefix import Prefix, TensorFlowEngine
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace


def segments(workspace):
    return sorted(workspace.activations.rglob("*.rows"))


def test_rows_are_what_the_frozen_layers_give(rows_at, pictures, resnet):
    cut, rows, _ = rows_at(0, range(40))
    expected = prefix_model(resnet, cut)(pictures.pixels[:40])
    assert rows.layout == Layout((64,), "float32")
    np.testing.assert_allclose(rows.take(), expected, rtol=1e-4, atol=1e-4)


def test_feature_maps_are_kept_as_float16(rows_at, pictures, resnet):
    cut, rows, _ = rows_at(1, range(20))
    expected = np.asarray(prefix_model(resnet, cut)(pictures.pixels[:20]))
    assert rows.layout == Layout((16, 16, 32), "float16")
    assert rows.nbytes == 20 * 16 * 16 * 32 * 2
    np.testing.assert_allclose(rows.take().astype(np.float32), expected, rtol=1e-3, atol=1e-3)


def test_exact_rows_are_in_float32_and_go_on_from_exact_maps_as_from_pixels(pictures, resnet, workspace):
    maps, cut = (Prefix(resnet, cut_for(resnet.spec, blocks, "avg"), workspace).exactly() for blocks in (2, 1))
    activations(maps, *pictures.of(range(20)), workspace, NullReporter())
    via = route.nearest_stored_maps(cut.identity, resnet.spec, content_keys(pictures.ids[:20]), workspace)
    assert via == maps.cut and cut.by_way_of(via).key == cut.key, "it makes no difference, so the key is the same"
    pictures.decoded = 0
    rows, use = activations(cut.by_way_of(via), *pictures.of(range(20)), workspace, NullReporter())
    assert rows.layout == Layout((16, 16, 32), "float32") and (use.onward, pictures.decoded) == (20, 0)
    np.testing.assert_allclose(rows.take(), prefix_model(resnet, cut.cut)(pictures.pixels[:20]), rtol=1e-5, atol=1e-4)
    more, use = activations(cut.by_way_of(via), *pictures.of(range(40)), workspace, NullReporter())
    assert (use.computed, use.onward) == (20, 0), "those without maps go through pixels, unrounded too"
    np.testing.assert_allclose(more.take(), prefix_model(resnet, cut.cut)(pictures.pixels[:40]), rtol=1e-5, atol=1e-4)


def test_what_is_never_rounded_lies_at_one_place_and_from_pixels_one_engine_serves_both(resnet, workspace):
    pooled, maps = (Prefix(resnet, cut_for(resnet.spec, blocks, "avg"), workspace) for blocks in (0, 1))
    assert not pooled.rounds and pooled.exactly().key == pooled.key
    assert maps.rounds and maps.exactly().key != maps.key and not maps.exactly().rounds
    assert maps.exactly().engine is maps.engine and maps.exactly().converted() == maps.converted()
    by_way = pooled.by_way_of(maps.cut)
    assert by_way.rounds and by_way.key != pooled.key and by_way.exactly().key == pooled.key


def test_a_larger_subset_computes_only_what_is_missing(rows_at, pictures):
    _, first, use = rows_at(0, range(50))
    assert (use.hits, use.computed, pictures.decoded) == (0, 50, 50)
    _, both, use = rows_at(0, range(30, 80))
    assert (use.hits, use.computed, pictures.decoded) == (20, 30, 80)
    np.testing.assert_array_equal(first.take(slice(30, 50)), both.take(slice(20)))
    _, _, use = rows_at(0, range(80))
    assert (use.hits, use.computed, pictures.decoded) == (80, 0, 80)


def test_no_pictures_have_no_rows_and_leave_no_folder(rows_at, workspace):
    _, rows, use = rows_at(1, [])
    assert rows.take().shape == rows.part(slice(0)).take().shape == (0, 16, 16, 32) and use.computed == 0
    assert not workspace.activations.exists()


def test_a_picture_that_occurs_twice_is_computed_once(rows_at, pictures):
    _, rows, _ = rows_at(0, [5, 6, 5])
    assert pictures.decoded == 2
    np.testing.assert_array_equal(rows.take()[0], rows.take()[2])


def test_rows_come_in_the_order_asked_for(rows_at):
    _, forward, _ = rows_at(0, range(40))
    _, backward, _ = rows_at(0, range(39, -1, -1))
    np.testing.assert_array_equal(forward.take(), backward.take()[::-1])
    np.testing.assert_array_equal(forward.part(slice(10, 20)).take(np.array([3, 1])), forward.take(np.array([13, 11])))


@pytest.mark.parametrize("damage", ["torn", "altered row", "altered id", "empty"])
def test_damaged_files_are_computed_again(rows_at, pictures, workspace, damage):
    _, good, _ = rows_at(0, range(50))
    wanted, (path,) = good.take(), segments(workspace)
    data = bytearray(path.read_bytes())
    position = {"altered row": -5, "altered id": 7}.get(damage)
    if position is None:
        data = data[: 0 if damage == "empty" else len(data) - 300]
    else:
        data[position] ^= 1
    path.unlink()  # Not in place: the rows of `good` map the old file.
    path.write_bytes(data)
    pictures.decoded = 0
    _, again, use = rows_at(0, range(50))
    assert (use.computed, pictures.decoded) == (50, 50)
    np.testing.assert_array_equal(again.take(), wanted)


def test_a_damaged_description_starts_the_folder_anew(rows_at, workspace):
    rows_at(0, range(20))
    next(workspace.activations.rglob("layout.json")).write_text("{")
    _, _, use = rows_at(0, range(20))
    assert use.computed == 20


def test_other_settings_use_other_rows(workspace, resnet, digits):
    keys = {Prefix(resnet, cut_for(resnet.spec, depth, pooling), workspace).key for depth, pooling in [(0, "avg"), (0, "max"), (0, "flatten"), (1, "avg"), (1, "max")]}
    assert len(keys) == 4, "pooling matters only where it is part of the frozen layers"


@pytest.mark.parametrize("library", ["openvino", "tensorflow", "keras"])
def test_another_version_of_a_library_uses_other_rows_and_another_conversion(workspace, resnet, monkeypatch, library):
    fresh = Prefix(resnet, cut_for(resnet.spec, 0, "avg"), workspace)
    now = fresh.key
    assert "engine" not in fresh.__dict__, "the key must not build the network"
    monkeypatch.setattr(cuts, "version", lambda name: "9.9" if name == library else importlib.metadata.version(name))
    later = Prefix(resnet, cut_for(resnet.spec, 0, "avg"), workspace)
    assert later.key != now and later.identity.about()[library] == "9.9"
    assert later.converted().stem == later.key


def test_rows_of_two_engines_are_kept_apart(workspace, resnet, pictures, monkeypatch):
    cut = cut_for(resnet.spec, 0, "avg")
    uses = {}
    for gpu in (False, True):
        monkeypatch.setattr(prefix_module, "_has_gpu", lambda gpu=gpu: gpu)
        prefix = Prefix(resnet, cut, workspace)
        _, use = activations(prefix, *pictures.of(range(20)), workspace, NullReporter())
        uses[prefix.engine_name] = use.computed
    assert uses == {"openvino": 20, "tensorflow": 20}


def test_a_network_that_openvino_cannot_take_is_computed_by_tensorflow_under_its_own_key(workspace, resnet, pictures, monkeypatch):
    cut = cut_for(resnet.spec, 0, "avg")
    activations(Prefix(resnet, cut, workspace), *pictures.of(range(20)), workspace, NullReporter())

    def cannot(self):
        raise RuntimeError("unknown operation")

    monkeypatch.setattr(Prefix, "converted", cannot)
    for wanted in ((20, 20), (0, 20)):  # The second time all are there.
        prefix = Prefix(resnet, cut, workspace)
        rows, use = activations(prefix, *pictures.of(range(20, 40)), workspace, NullReporter())
        assert (use.computed, len(rows)) == wanted and prefix.engine_name == "tensorflow"
    stored = [json.loads(path.read_text())["engine"] for path in workspace.activations.rglob("layout.json")]
    assert sorted(stored) == ["openvino", "tensorflow"]


def test_what_is_computed_when_a_run_is_cancelled_is_kept(rows_at, pictures):
    class StopsSoon(NullReporter):
        checks = 0

        def check(self):
            self.checks += 1
            if self.checks > 5:
                raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        rows_at(0, range(300), reporter=StopsSoon())
    _, _, use = rows_at(0, range(300))
    assert use.hits == 80 and use.computed == 220  # Five batches of sixteen.


def test_two_workers_at_once_lose_nothing(pictures, resnet, workspace):
    cut = cut_for(resnet.spec, 0, "avg")
    found = {}

    def work(name, chosen):
        found[name] = activations(Prefix(resnet, cut, workspace), *pictures.of(chosen), workspace, NullReporter())[0].take()

    prefix = Prefix(resnet, cut, workspace)
    prefix.converted()
    threads = [threading.Thread(target=work, args=(i, list(range(20 * i, 20 * i + 100)))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pictures.decoded = 0
    rows, use = activations(prefix, *pictures.of(range(160)), workspace, NullReporter())
    assert use.computed == 0 and pictures.decoded == 0
    for i in range(4):
        np.testing.assert_array_equal(found[i], rows.take(slice(20 * i, 20 * i + 100)))


def test_the_last_batch_is_padded_and_cut(rows_at):
    _, alone, _ = rows_at(0, [17])
    assert alone.take().shape == (1, 64)
    _, more, _ = rows_at(0, range(35))
    np.testing.assert_allclose(alone.take()[0], more.take()[17], rtol=1e-6)


def test_tensorflow_gives_the_same_where_openvino_is_of_no_use(pictures, resnet, workspace):
    cut = cut_for(resnet.spec, 0, "avg")
    prefix = Prefix(resnet, cut, workspace)
    prefix.engine = TensorFlowEngine(prefix_model(resnet, cut))
    rows, _ = activations(prefix, *pictures.of(range(20)), workspace, NullReporter())
    assert prefix.engine_name == "tensorflow"
    other = Workspace(workspace.root / "other").create()
    expected, _ = activations(Prefix(resnet, cut, other), *pictures.of(range(20)), other, NullReporter())
    np.testing.assert_allclose(rows.take(), expected.take(), rtol=1e-4, atol=1e-4)


def test_a_converted_network_that_was_altered_is_converted_again(workspace, resnet):
    prefix = Prefix(resnet, cut_for(resnet.spec, 0, "avg"), workspace)
    weights = prefix.converted().with_suffix(".bin")
    good = weights.read_bytes()
    weights.write_bytes(b"x" * len(good))
    assert prefix.converted().with_suffix(".bin").read_bytes() == good


def test_a_disk_that_is_too_small_is_noticed_before_computing(rows_at, pictures, monkeypatch):
    monkeypatch.setattr(cache_module, "free_bytes", lambda folder: 1000)
    with pytest.raises(ResourceError, match=r"The disk is too full.*lower"):
        rows_at(0, range(50))
    assert pictures.decoded == 0


def test_a_segment_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    cache = ActivationCache(tmp_path / "rows")
    cache.create(Layout((4,), "float32"), {})

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        cache.append(content_keys(["ab" * 32]), np.ones((1, 4), np.float32))
    left = [p.name for p in (tmp_path / "rows").iterdir() if not p.name.startswith(PREFIX)]  # Its mark is still there.
    assert left == ["layout.json"]


@pytest.mark.parametrize("failing", [1, 5, 9])
def test_an_engine_that_fails_ends_the_run_and_what_was_whole_is_kept(pictures, resnet, workspace, monkeypatch, failing):
    monkeypatch.setattr(features, "SEGMENT_BYTES", 32 * 64 * 4)  # Two batches a segment.
    cut = cut_for(resnet.spec, 0, "avg")
    prefix = Prefix(resnet, cut, workspace)
    begin, calls = prefix.engine.start, []

    def start(batch, position, sink):
        calls.append(position)

        def broken(place, rows):
            raise RuntimeError("the engine failed")

        begin(batch, position, broken if len(calls) == failing else sink)

    monkeypatch.setattr(prefix.engine, "start", start)
    with pytest.raises(RuntimeError, match="the engine failed"):
        activations(prefix, *pictures.of(range(160)), workspace, NullReporter())
    again, use = activations(Prefix(resnet, cut, workspace), *pictures.of(range(160)), workspace, NullReporter())
    assert use.computed >= 32, "the segment with the fault was not written"
    np.testing.assert_allclose(again.take(), prefix_model(resnet, cut)(pictures.pixels[:160]), rtol=1e-4, atol=1e-4)


def test_maps_that_leave_no_room_for_what_goes_on_from_them_are_let_go_of(pictures, resnet, workspace, monkeypatch):
    maps, cut = cut_for(resnet.spec, 1, "avg"), cut_for(resnet.spec, 0, "flatten")
    activations(Prefix(resnet, maps, workspace), *pictures.of(range(200)), workspace, NullReporter())
    held = sum(path.stat().st_size for path in workspace.cache.rglob("*") if path.is_file())
    monkeypatch.setenv("TLCORE_CACHE_GB", str((held + 2**20) / 1e9))
    prefix = Prefix(resnet, cut, workspace).by_way_of(maps)
    rows, use = activations(prefix, *pictures.of(range(200)), workspace, NullReporter())
    assert (len(rows), use.computed) == (200, 200)


def test_a_class_that_is_added_takes_only_its_own_pictures_through_pixels(pictures, resnet, workspace):
    maps, cut = cut_for(resnet.spec, 1, "avg"), cut_for(resnet.spec, 0, "avg")
    activations(Prefix(resnet, maps, workspace), *pictures.of(range(100)), workspace, NullReporter())
    by_way = Prefix(resnet, cut, workspace).by_way_of(maps)
    activations(by_way, *pictures.of(range(100)), workspace, NullReporter())
    identity, more = Prefix(resnet, cut, workspace).identity, content_keys([pictures.ids[i] for i in range(150)])
    assert route.nearest_stored_maps(identity, resnet.spec, more, workspace) == maps
    pictures.decoded = 0
    _, use = activations(by_way, *pictures.of(range(150)), workspace, NullReporter())
    assert (use.computed, use.onward, pictures.decoded) == (50, 0, 50)


def test_a_description_that_was_altered_is_written_anew(rows_at, workspace):
    _, good, _ = rows_at(0, range(20))
    wanted, path = good.take(), next(workspace.activations.rglob("layout.json"))
    path.write_text(path.read_text().replace("64", "63"))
    _, again, use = rows_at(0, range(20))
    assert use.computed == 20
    np.testing.assert_array_equal(again.take(), wanted)
