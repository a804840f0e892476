"""The forecast of a run on real digits: what is stored, what is kept with the run, and how right it was."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tests.finished_run import finished_run
from tlcore import activations, demo, devices, jobs, machine, route
from tlcore.activations import ActivationCache, Layout, content_keys, stored_ids
from tlcore.backbones import spec
from tlcore.config import parse
from tlcore.cuts import identity_of
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import divide
from tlcore.datasets.splits import make_split
from tlcore.forecast import footprint, outlook
from tlcore.forecast.outlook import Outlook, Prospect, compared, outlook_of, prospect
from tlcore.forecast.probing import Probe
from tlcore.forecast.rates import Band


@pytest.fixture
def digits(store, workspace, monkeypatch):
    """A store with the digits, in which nothing is ever started, on a machine that does nothing else."""
    monkeypatch.setattr(machine, "stretch", lambda own_busy=0: 1.0)
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    demo.ensure_built_in("digits", store, workspace)
    return store


CONFIG = parse({"dataset": "digits", "train": {"epochs": 4}})


def kept_rows(store, count: int) -> ActivationCache:
    """A cache that holds rows of the first pictures, under the key of CONFIG's frozen layers."""
    dataset = Dataset.open(store.workspace.dataset(store.dataset("digits").id))
    identity = identity_of(CONFIG, spec("ResNet20"), "openvino")
    cache = ActivationCache(store.workspace.activations / identity.key)
    cache.create(Layout((64,), "float32"), {})
    cache.append(content_keys(dataset.content_ids[:count]), np.zeros((count, 64), np.float32))
    return cache


def test_stored_rows_are_counted_and_only_the_others_are_computed(digits):
    before = outlook_of(digits, CONFIG)
    assert (before.stored, before.pictures) == (0, 1797)
    kept_rows(digits, 1000)
    half = outlook_of(digits, CONFIG)
    assert half.stored == 1000
    assert half.phases["features"].likely < before.phases["features"].likely
    other_depth = parse({"dataset": "digits", "freeze": {"trainable_blocks": 1}})
    assert outlook_of(digits, other_depth).stored == 0


def test_maps_to_learn_from_and_maps_to_judge_by_are_counted_where_each_kind_lies(digits):
    config = parse({"dataset": "digits", "freeze": {"trainable_blocks": 1}})
    dataset = Dataset.open(digits.workspace.dataset(digits.dataset("digits").id))
    split, rounded = make_split(dataset, None, config.split), identity_of(config, spec("ResNet20"), "openvino")
    judged = np.concatenate([split.val, split.test])
    for identity, rows in ((rounded, split.train), (route.exactly(rounded), judged)):
        cache = ActivationCache(digits.workspace.activations / identity.key)
        cache.create(Layout((16, 16, 32), identity.dtype), {})
        cache.append(content_keys(dataset.content_ids[rows]), np.zeros((len(rows), 16, 16, 32), identity.dtype))
        activations._stored_ids.cache_clear()
        assert outlook_of(digits, config).stored == (len(split.train) if rows is split.train else 1797)
    another = parse({"dataset": "digits", "freeze": {"trainable_blocks": 1}, "split": {"seed": 1}})
    assert outlook_of(digits, another).stored < 1797, "pictures that were learnt from have no exact rows"


def test_a_segment_cut_short_counts_for_nothing_and_is_left_alone(digits):
    cache = kept_rows(digits, 50)
    (segment,) = cache.folder.glob("*.rows")
    segment.write_bytes(segment.read_bytes()[:-3])
    activations._stored_ids.cache_clear()
    assert stored_ids(cache.folder) == frozenset()
    assert segment.exists(), "only a worker removes it"
    assert stored_ids(cache.folder.with_name("none")) == frozenset()


def test_a_new_segment_is_noticed(digits):
    cache = kept_rows(digits, 50)
    assert len(stored_ids(cache.folder)) == 50
    cache.append([b"x" * 32], np.zeros((1, 64), np.float32))
    assert len(stored_ids(cache.folder)) == 51


def test_the_forecast_is_kept_with_the_run_and_is_json(digits):
    run = digits.job(jobs.submit_run(digits, digits.workspace, CONFIG))
    kept = Outlook.from_json(json.loads(json.dumps(run.payload["forecast"])))
    assert kept is not None and kept.machine == machine.identity()
    assert list(kept.phases) == ["start", "prepare", "features", "train", "evaluate", "export"]
    for band in (*kept.phases.values(), kept.seconds, kept.memory_bytes, kept.disk_bytes):
        assert 0 <= band.low <= band.likely <= band.high
    assert kept.seconds.likely == pytest.approx(sum(band.likely for band in kept.phases.values()))


def test_what_the_page_showed_is_what_is_kept(digits):
    shown = outlook_of(digits, CONFIG).to_json() | {"stored": 123}
    run = jobs.submit_run(digits, digits.workspace, CONFIG, forecast=shown)
    assert digits.job(run).payload["forecast"]["stored"] == 123


def test_a_run_whose_pictures_cannot_be_divided_is_queued_without_a_forecast(digits):
    record = digits.dataset("digits")
    (digits.workspace.dataset(record.id) / "pictures.arrow").unlink()
    run = jobs.submit_run(digits, digits.workspace, CONFIG)
    assert "forecast" not in digits.job(run).payload


def test_a_forecast_of_another_version_is_none():
    assert Outlook.from_json({}) is None
    assert Outlook.from_json({"phases": 3}) is None


def with_forecast(store, run_id: int, factor: float = 1.0):
    """A finished run as if `factor` of its real seconds had been forecast, give or take a tenth."""
    job = store.job(run_id)
    bands = {name: Band(0.9 * factor * s, factor * s, 1.1 * factor * s) for name, s in job.result["phases"].items()}
    expected = dataclasses.replace(outlook_of(store, CONFIG), phases=bands)
    return dataclasses.replace(job, payload={**job.payload, "forecast": expected.to_json()})


def test_predicted_is_set_against_actual_by_phase(digits, workspace):
    run = finished_run(digits, workspace)
    rows = compared(with_forecast(digits, run))
    assert [row["phase"] for row in rows] == ["prepare", "train", "evaluate"]
    assert all(row["within"] and row["actual"] == pytest.approx(row["likely"]) for row in rows)
    assert not any(row["within"] for row in compared(with_forecast(digits, run, 3.0)))
    actual, band = outlook.total_of(rows)
    assert actual == pytest.approx(band.likely) and band.low < actual < band.high


def test_nothing_is_compared_without_a_forecast_or_after_a_resume(digits, workspace):
    job = digits.job(finished_run(digits, workspace))
    assert compared(job) == []
    kept = with_forecast(digits, job.id)
    assert compared(dataclasses.replace(kept, result={**kept.result, "earlier_seconds": 2.0})) == []


def test_how_right_it_was_is_said_from_three_runs_on(digits, workspace, monkeypatch):
    finished = [with_forecast(digits, finished_run(digits, workspace), factor) for factor in (1.0, 0.5, 0.5)]
    monkeypatch.setattr(digits, "jobs", lambda *arguments, **options: finished)
    ratio, runs = outlook.accuracy_so_far(digits)
    assert (ratio, runs) == (pytest.approx(2.0), 3)
    del finished[0]
    assert outlook.accuracy_so_far(digits) is None


def test_a_finished_run_makes_the_next_forecast_surer(digits, workspace):
    before = outlook_of(digits, CONFIG)
    run = finished_run(digits, workspace)
    result = {**digits.job(run).result, "engine": "openvino", "cache": {"hits": 0, "computed": 1797, "bytes": 1}, "phases": {"prepare": 0.1, "features": 30.0, "train": 1.0, "evaluate": 0.1, "export": 0.5}}
    write_result(digits, run, result)
    after = outlook_of(digits, CONFIG)
    assert after.basis == "same" and before.basis == "default"
    assert 20 < after.phases["features"].likely < 40
    assert ratio(after.phases["features"]) < ratio(before.phases["features"])


def ratio(band: Band) -> float:
    return band.high / band.low


def write_result(store, run_id: int, result: dict) -> None:
    """As if the run had ended with this result."""
    from tlcore.schema import jobs as table

    with store._writing() as connection:
        connection.execute(table.update().where(table.c.id == run_id).values(result=result, changes=table.c.changes + 1))


def test_memory_and_disk_that_will_not_do_are_said_with_the_remedy(digits):
    expected = outlook_of(digits, CONFIG)
    little = machine.Machine(cores=2, memory_bytes=10**9, memory_free_bytes=10**8, disk_free_bytes=10**5, devices=devices.Plan((), True))
    memory, disk = outlook.shortages(expected, little)
    assert "0.1 GB are free" in memory and "batch size" in memory
    assert "Free some space" in disk
    plenty = dataclasses.replace(little, memory_free_bytes=10**11, disk_free_bytes=10**12)
    assert outlook.shortages(expected, plenty) == []


def test_a_probe_is_wanted_where_pictures_are_computed_and_no_run_is_on(digits):
    dataset = Dataset.open(digits.workspace.dataset(digits.dataset("digits").id))

    found = prospect(digits.workspace, CONFIG, dataset, divide(CONFIG, dataset, None))
    expected = outlook.outlook(digits, found)
    assert outlook.wants_probe(found, expected)
    assert not outlook.wants_probe(found, dataclasses.replace(expected, ahead=1))
    assert not outlook.wants_probe(found, dataclasses.replace(expected, basis="same"))
    nothing_to_do = Prospect(dataclasses.replace(found.plan, missing=0), found.dataset, found.probe)
    assert not outlook.wants_probe(nothing_to_do, expected)


def test_a_run_that_waits_is_said_to_go_first_and_a_cold_start_takes_longer(digits):
    alone = outlook_of(digits, CONFIG)
    jobs.submit_run(digits, digits.workspace, CONFIG)
    assert (alone.ahead, outlook_of(digits, CONFIG).ahead) == (0, 1)
    assert alone.phases["start"].likely >= 6.0, "no worker is ready here"


def test_a_probe_that_has_measured_is_taken_at_its_word(digits):
    dataset = digits.dataset("digits")

    probe = Probe(digits.workspace, dataset.id, spec("ResNet20"), 32, 4, None)
    assert probe.speeds().basis == "default"
    probe.result.parent.mkdir(parents=True)
    probe.result.write_text(json.dumps({"decode_s": 2e-4, "dense": 1e11, "separable": 4e10}))
    assert probe.speeds().decode_s == 2e-4
    assert probe.speeds().rate(spec("VGG16")) == pytest.approx(0.65e11)
    probe.result.write_text(json.dumps({"decode_s": 2e-4, "prefix_s": 1e-3}))
    assert probe.speeds().basis == "prefix"
    assert probe.speeds().rate(spec("ResNet20")) == pytest.approx(40_812_544 / 1e-3)
    probe.result.write_text("{")
    assert probe.speeds().basis == "default"


def test_augmentation_adds_views_or_takes_training_pictures_through_every_epoch(digits):
    kept_rows(digits, 1797)
    train = len(make_split(Dataset.open(digits.workspace.dataset(digits.dataset("digits").id)), None, CONFIG.split).train)
    changed = CONFIG.model_dump() | {"augment": {"shift": 0.1, "views": 3}}
    plain, views = outlook_of(digits, CONFIG), outlook_of(digits, parse(changed))
    fresh = outlook_of(digits, parse(changed | {"augment": {"shift": 0.1, "views": 0}}))
    assert (plain.pictures, plain.stored) == (1797, 1797)
    assert (views.pictures, views.stored) == (1797 + 2 * train, 1797 - train)
    assert (fresh.pictures, fresh.stored) == (1797 - train, 1797 - train)
    assert views.phases["features"].likely > plain.phases["features"].likely
    assert fresh.phases["train"].likely > 2 * plain.phases["train"].likely


def test_without_frozen_layers_only_pixels_are_kept_and_memory_grows(digits):
    frozen, free = (outlook_of(digits, parse({"dataset": "digits", "freeze": {"trainable_blocks": depth}})) for depth in (0, 4))
    assert free.stored == 0 and free.disk_bytes.likely > 1797 * 32 * 32 * 3
    assert free.memory_bytes.likely > frozen.memory_bytes.likely + footprint.NUMBER_BYTES * 128 * 600_000


def test_pictures_of_the_source_and_those_without_labels_count_and_cost(digits):
    demo.ensure_built_in("digits-textures", digits, digits.workspace)

    def said(strategy: str, **settings) -> Outlook:
        return outlook_of(digits, parse({**CONFIG.model_dump(), "dataset": "digits-textures", "target": {"label_fraction": 0.1}, "strategy": {"name": strategy}, **settings}))

    from_digits, bends = {"source": {"dataset": "digits"}}, {"head": {"hidden": [8]}}
    few, own, mixed, coral = said("frozen"), said("pseudo_label"), said("mixed", **from_digits), said("coral", **from_digits, **bends)
    train, val, test = (len(part) for part in parts_of(digits))
    assert own.pictures == 1797 and few.pictures < 0.3 * 1797 and mixed.pictures == few.pictures + train
    assert coral.pictures == (train + val) + (train + val) + test
    assert few.phases["train"].likely < own.phases["train"].likely and mixed.phases["train"].likely < coral.phases["train"].likely
    kept_rows(digits, 1797)  # Of the source.
    assert said("mixed", **from_digits).stored == train and said("coral", **from_digits, **bends).stored == train + val
    assert said("frozen").stored == 0


def test_from_scratch_nothing_is_frozen(digits):
    scratch = parse({**CONFIG.model_dump(), "strategy": {"name": "scratch"}})
    assert outlook_of(digits, scratch).stored == 0
    assert outlook_of(digits, scratch).phases["train"].likely > 3 * outlook_of(digits, CONFIG).phases["train"].likely


def parts_of(digits):
    split = make_split(Dataset.open(digits.workspace.dataset(digits.dataset("digits").id)), None, CONFIG.split)
    return split.train, split.val, split.test
