"""What past runs teach: one number by hand, and bands that hold the truth on a thousand simulated runs."""

import dataclasses
import math
import statistics

import numpy as np
import pytest

from tlcore.backbones import BACKBONES
from tlcore.config import parse
from tlcore.forecast import rates
from tlcore.forecast.costs import PHASE_OF, Plan, Speeds, components
from tlcore.forecast.rates import Band, Past, added, correction, likely_epochs, phase_bands

SPEEDS = Speeds(1e-4, {"dense": 7e10, "separable": 5e10})
START = Band(0.1, 0.2, 1.0)


def plan(backbone="ResNet20", depth=0, epochs=10, patience=None, missing=2000, size=32, **more) -> Plan:
    config = parse({"dataset": "pets", "backbone": {"name": backbone, "weights": "none", "input_size": size}, "freeze": {"trainable_blocks": depth}, "train": {"epochs": epochs, "early_stopping_patience": patience}})
    return Plan.of(config, BACKBONES[backbone], 10, (1400, 200, 400), missing, False, **more)


def past(done: Plan, factor: float = 1.0, measured: dict | None = None, limit: int | None = None) -> Past:
    """A run that took `factor` times what the formula says."""
    seconds: dict[str, float] = {}
    for name, each in components(done, SPEEDS).items():
        seconds[PHASE_OF[name]] = seconds.get(PHASE_OF[name], 0.0) + factor * each
    return Past(done, "pets", limit or done.epochs, seconds, measured or {})


def twice_as_slow(done: Plan) -> Past:
    """A run that timed its pictures by themselves."""
    return past(done, 2.0, measured={"images_per_s": 2000 / (2 * components(done, SPEEDS)["compute"])})


def test_a_sum_is_surer_than_the_sum_of_its_extremes():
    total = added([Band(1, 2, 3), Band(1, 2, 3)])
    assert total.likely == 4
    assert total.high - 4 == 4 - total.low == pytest.approx(math.sqrt(0.7 * 2 + 0.3 * 4))


def test_one_run_alike_moves_the_estimate_by_its_weight():
    """By hand: prior 0 ± 0.7, observed ln 2 ± 0.15; the mean of both by inverse variance is 0.6627 ± 0.1467."""
    found = correction("compute", plan(), [twice_as_slow(plan())], SPEEDS)
    assert found.mean == pytest.approx(0.6627, abs=1e-4)
    assert found.deviation == pytest.approx(0.1467, abs=1e-4)
    assert found.alike == 1


def test_the_nearer_a_run_the_more_it_says():
    means, deviations = [], []
    for other in (plan("VGG16"), plan(depth=1), plan()):
        found = correction("compute", plan(), [twice_as_slow(other)], SPEEDS)
        means.append(found.mean)
        deviations.append(found.deviation)
    assert 0 < means[0] < means[1] < means[2] < math.log(2)
    assert deviations[0] > deviations[1] > deviations[2]


def test_many_runs_of_others_never_make_it_sure_of_this_one():
    found = correction("compute", plan(), [past(plan("VGG16"), 2.0)] * 50, SPEEDS)
    assert found.mean == pytest.approx(math.log(2), rel=0.1)
    assert found.deviation == rates.FLOOR["other"]


def test_runs_that_differ_among_themselves_leave_the_band_wide():
    steady, unsteady = ([past(plan(), factor) for factor in factors] for factors in ((2, 2, 2, 2), (0.7, 4, 1, 5)))
    assert correction("learn", plan(), steady, SPEEDS).deviation < 0.6 * correction("learn", plan(), unsteady, SPEEDS).deviation


def test_a_run_with_everything_stored_says_nothing_of_computing():
    assert correction("compute", plan(), [past(plan(missing=0), 3.0)], SPEEDS).mean == 0


def test_epochs_end_with_patience():
    assert likely_epochs(plan(epochs=10), "pets", []) == Band(10, 10, 10)
    assert likely_epochs(plan(epochs=100, patience=3), "pets", []) == Band(4, 18, 100)
    stopped = past(plan(epochs=12, patience=3), limit=100)
    assert likely_epochs(plan(epochs=100, patience=3), "pets", [stopped]) == Band(9, 12, 15)
    assert likely_epochs(plan(epochs=100, patience=3), "cars", [stopped]).likely == 18
    ended = past(plan(epochs=5, patience=3), limit=5)  # It was not allowed more: no word on where it would have stopped.
    assert likely_epochs(plan(epochs=100, patience=3), "pets", [ended]).likely == 18


def simulated(seed: int, runs: int = 25) -> list[tuple[bool, float, int]]:
    """A machine of unknown speed; each backbone, part and run deviates. Gives (truth within, width of the band, runs before)."""
    random = np.random.default_rng(seed)
    machine = random.normal(0, 0.4)
    quirks = {name: random.normal(0, 0.2) for name in ("ResNet20", "VGG16", "MobileNetV2")}
    known: list[Past] = []
    found = []
    for done in range(runs):
        name = str(random.choice(list(quirks)))
        this = plan(name, depth=int(random.integers(0, 3)), size=int(random.choice([32, 64])), epochs=int(random.integers(2, 20)), missing=int(random.choice([0, 2000])))
        bands, _ = phase_bands(this, "pets", known, SPEEDS, START)
        total = added(band for phase, band in bands.items() if phase != "start")
        seconds: dict[str, float] = {}
        for part, each in components(this, SPEEDS).items():
            seconds[PHASE_OF[part]] = seconds.get(PHASE_OF[part], 0.0) + each * math.exp(machine + quirks[name] + random.normal(0, 0.12))
        found.append((total.holds(sum(seconds.values())), total.high / total.low, done))
        known.insert(0, Past(this, "pets", this.epochs, seconds, {}))
    return found


def test_the_truth_lies_in_the_band_most_of_the_time_and_the_band_narrows():
    found = [each for seed in range(40) for each in simulated(seed)]
    assert 0.8 <= statistics.mean(held for held, _, _ in found) <= 0.99
    first, late = (statistics.median(width for _, width, before in found if begin <= before < end) for begin, end in ((0, 2), (15, 25)))
    assert late < 0.5 * first


def test_a_run_of_another_machine_or_a_resumed_one_teaches_nothing(digits_run):
    job, own = digits_run
    assert Past.of(job(own)) is not None
    assert Past.of(job({**own, "machine": "another · 64 cores"})) is None
    assert Past.of(job(own, earlier_seconds=4.0)) is None
    assert Past.of(job(own, engine="scikit-learn")) is None
    assert Past.of(job(own, phases=None)) is None


@pytest.fixture
def digits_run(store, workspace):
    """A finished run with other figures or another forecast, and a forecast of this machine."""
    from tests.finished_run import finished_run
    from tlcore import machine

    done = store.job(finished_run(store, workspace))

    def job(forecast, **result):
        return dataclasses.replace(done, payload={**done.payload, "forecast": forecast}, result={**done.result, "engine": "openvino", **result})

    return job, {"machine": machine.identity(), "converted": True}
