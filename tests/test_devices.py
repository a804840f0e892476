"""Which cards there are by the driver's files and the environment, and what is made of them."""

import json
import subprocess
import sys
import time

import pytest

from tlcore import devices
from tlcore.executors import WorkerProcess, cards_of
from tlcore.locks import ProcessId, boot_id, start_of


@pytest.fixture
def machine_with(tmp_path):
    """Write the driver's files for cards with these names, and give the plan for an environment."""

    def make(*names: str, libraries: bool = True, excluded: bool = False, **environment: str) -> devices.Plan:
        for slot, name in enumerate(names):
            card = tmp_path / "gpus" / f"0000:{slot:02x}:00.0"
            card.mkdir(parents=True)
            about = f"Model: \t\t {name}\nIRQ:   \t\t 34\nGPU UUID: \t GPU-{slot}a5f-77\nBus Location: \t 0000:{slot:02x}:00.0\n"
            (card / "information").write_text(about + f"GPU Excluded:\t {'Yes' if excluded else 'No'}\n")
        folder = tmp_path / "lib"
        folder.mkdir()
        if libraries:
            (folder / "libcudnn.so.9").touch()
        return devices.plan(tmp_path / "gpus", environment, [folder])

    return make


def ids(plan: devices.Plan) -> list[str]:
    return [card.id for card in plan.cards]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "none; OpenVINO on 2 cores"),
        (["NVIDIA T4"], "NVIDIA T4: one run at a time, mixed precision"),
        (["NVIDIA H100 80GB HBM3"] * 2, "2 × NVIDIA H100 80GB HBM3: two runs at once, mixed precision"),
        (["NVIDIA A100-SXM4-80GB"] * 8, "8 × NVIDIA A100-SXM4-80GB: eight runs at once, mixed precision"),
        (["NVIDIA L4"] * 10, "10 × NVIDIA L4: 10 runs at once, mixed precision"),
        (["Tesla P100-PCIE-16GB"], "Tesla P100-PCIE-16GB: one run at a time, single precision"),
        (["NVIDIA GeForce GTX 1080 Ti", "NVIDIA GeForce RTX 4090"], "NVIDIA GeForce GTX 1080 Ti, NVIDIA GeForce RTX 4090: two runs at once, mixed precision where the card gains by it"),
    ],
)
def test_one_run_a_card_and_home_says_so(machine_with, names, says):
    plan = machine_with(*names)
    assert plan.in_words(2) == says
    assert plan.runs_at_once == max(1, len(names))
    assert ids(plan) == [str(number) for number in range(len(names))]


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("", []),
        ("1", ["1"]),
        ("0,1", ["0", "1"]),
        (" 2, 0", ["2", "0"]),
        ("-1", []),
        ("NoDevFiles", []),
        ("1,7,0", ["1"]),  # CUDA: what follows a wrong entry is not visible.
        ("1,1", ["1"]),
        ("GPU-2a5f,0", ["GPU-2a5f", "0"]),
        ("0,GPU-0a5f-77", ["0"]),
        ("GPU-ffff", []),
        ("MIG-1,MIG-2,MIG-1", ["MIG-1", "MIG-2"]),
    ],
)
def test_cuda_visible_devices_is_kept_to(machine_with, value, left):
    plan = machine_with("NVIDIA A2", "NVIDIA T4", "NVIDIA L4", CUDA_VISIBLE_DEVICES=value)
    assert ids(plan) == left and plan.runs_at_once == max(1, len(left))
    assert all(card.name != "NVIDIA A2" for card in plan.cards if card.id in ("1", "2", "GPU-2a5f"))


def test_cards_without_tensorflows_libraries_are_named_and_not_used(machine_with):
    plan = machine_with("NVIDIA T4", "NVIDIA T4", libraries=False)
    assert plan.cards == () and plan.runs_at_once == 1
    assert plan.in_words(2).startswith("2 × NVIDIA T4, not used: TensorFlow's CUDA libraries are missing")


def test_a_card_that_the_driver_leaves_out_is_none(machine_with):
    assert machine_with("NVIDIA T4", excluded=True).found == ()


@pytest.mark.parametrize("name", ["Tesla K80", "Tesla M60", "Tesla P4", "Quadro P2000", "NVIDIA GeForce GTX 1060 6GB", "GeForce GTX 970", "NVIDIA GeForce GT 1030", "NVIDIA TITAN X (Pascal)", "NVIDIA TITAN Xp", "NVIDIA GeForce MX350"])
def test_cards_before_tensor_cores_are_known(name):
    assert not devices.Card("0", name).mixed_precision


@pytest.mark.parametrize("name", ["Tesla V100-SXM2-16GB", "NVIDIA TITAN V", "NVIDIA TITAN RTX", "Tesla T4", "NVIDIA A10", "NVIDIA GeForce RTX 3050", "NVIDIA GeForce GTX 1650", "NVIDIA RTX PRO 6000 Blackwell", "NVIDIA GH200 480GB", "NVIDIA B200", "NVIDIA GeForce MX450", "NVIDIA RTX A2000"])
def test_newer_cards_are_not_taken_for_old_ones(name):
    assert devices.Card("0", name).mixed_precision


@pytest.mark.parametrize(("cards", "sees"), [(("1",), "1"), (("0", "GPU-2a5f"), "0,GPU-2a5f"), ((), "as it was")])
def test_a_started_worker_sees_its_cards_and_no_others(workspace, tmp_path, monkeypatch, cards, sees):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "as it was")
    with (tmp_path / "log").open("w+b") as log:
        worker = WorkerProcess(workspace, "train", log, cards, module="tests.says_its_cards")
        while not (tmp_path / "log").stat().st_size:  # Before it runs its environment can't be read.
            time.sleep(0.01)
        assert cards_of(ProcessId(worker._process.pid, start_of(worker._process.pid), boot_id())) == tuple(sees.split(","))
        worker.dismiss()
        assert worker._process.wait(20) == 0
        log.seek(0)
        assert json.loads(log.read()) == {"sees": sees, "claims": str(len(cards) or 1)}


def test_a_process_that_is_free_to_use_all_cards_or_is_gone_is_not_called_bound():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={})
    known = ProcessId(process.pid, start_of(process.pid), boot_id())
    assert cards_of(known) is None
    process.communicate(b"\n")
    assert cards_of(known) is None and cards_of(None) is None
