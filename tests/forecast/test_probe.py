"""The probe as a real child process: it measures, writes one file, and loads no TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlcore import demo
from tlcore.backbones import spec
from tlcore.config import parse
from tlcore.forecast import probing
from tlcore.forecast.outlook import PROBE_WAIT_S, outlook_of
from tlcore.forecast.probing import Probe

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@pytest.fixture
def probe(store, workspace) -> Probe:
    demo.ensure_built_in("digits", store, workspace)
    return Probe(workspace, store.dataset("digits").id, spec("ResNet20"), 32, 4, None)


def test_it_measures_decoding_and_both_kinds_of_convolutions_once(probe):
    began = time.monotonic()
    assert probe.start()
    assert time.monotonic() - began < 1.0, "starting it must not wait for it"
    assert probe.start(), "it is under way"
    assert len([p for p in probing._running if p == probe.result]) == 1
    probe.wait(PATIENCE_S)
    found = json.loads(probe.result.read_text())
    assert set(found) == {"decode_s", "dense", "separable"}
    assert 1e-6 < found["decode_s"] < 0.1
    assert found["separable"] > 1e8 and 1e8 < found["dense"] < 1e14
    assert probe.speeds().basis == "machine"
    assert not probe.start(), "a second look needs no second measurement"


def test_it_runs_the_converted_layers_where_they_are(probe, tmp_path):
    model = tmp_path / "small.xml"
    build = f"""
from pathlib import Path
from tlcore.nn import openvino_engine, probe
probe.SIDE_PX = 32
openvino_engine.save(probe.small_network(probe.dense_layer)[0], Path({str(model)!r}))
"""
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True)
    converted = Probe(probe.workspace, probe.dataset_id, probe.spec, 32, 4, model)
    assert converted.result != probe.result, "the frozen layers are another question"
    converted.start()
    converted.wait(PATIENCE_S)
    assert set(json.loads(converted.result.read_text())) == {"decode_s", "prefix_s"}
    assert converted.speeds().basis == "prefix"


def test_one_that_fails_is_not_tried_again_and_leaves_nothing(probe):
    broken = Probe(probe.workspace, "no-such-dataset", probe.spec, 32, 4, None)
    assert broken.start()
    broken.wait(PATIENCE_S)
    assert not broken.start()
    assert not broken.result.exists()
    assert broken.speeds().basis == "default"


def test_it_loads_no_tensorflow(probe):
    code = f"""
import sys
from tlcore.nn import probe
probe.main(["--dataset", {str(probe.workspace.dataset(probe.dataset_id))!r}, "--side", "32", "--output", {str(probe.result)!r}])
sys.exit(bool({{"tensorflow", "keras"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_command_line_waits_for_it_and_knows_more_then(probe, store):
    config = parse({"dataset": "digits"})
    before = outlook_of(store, config)
    after = outlook_of(store, config, 10 * PROBE_WAIT_S)
    assert (before.basis, after.basis) == ("default", "machine")
    width = [each.phases["features"].high / each.phases["features"].low for each in (before, after)]
    assert width[1] < width[0]
