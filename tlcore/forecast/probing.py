"""Starts the probe as a process of its own, and reads what it has found. No TensorFlow, no OpenVINO."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

from tlcore import machine
from tlcore.backbones import BackboneSpec
from tlcore.executors import child_environment, detached
from tlcore.forecast.costs import Speeds, default_speeds, kind_of
from tlcore.workspace import Workspace

NETWORK_SHARE = 0.65  # Of the small network's speed: its maps fit into the cache, those of a backbone don't.
MOST_KEPT = 200  # Results of some hundred bytes each.
_running: dict[Path, subprocess.Popen[bytes]] = {}
_turn = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Probe:
    """What is to be timed: pictures of a dataset at a size, and the frozen layers up to a cut where they are converted."""

    workspace: Workspace
    dataset_id: str
    spec: BackboneSpec
    side_px: int
    cut: int  # Blocks that are frozen.
    model: Path | None

    @property
    def result(self) -> Path:
        """The file that the probe writes."""
        what = [machine.identity(), self.dataset_id, self.side_px, self.model.name if self.model else None]
        return self.workspace.cache / "probes" / f"{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]}.json"

    def speeds(self, stretch: float = 1.0) -> Speeds:
        """As measured, or those of a machine that nobody has measured; `stretch` is by how much other work slows it."""
        assumed = dataclasses.replace(default_speeds(self.side_px, machine.cores()), stretch=stretch)
        try:
            found = {name: float(value) for name, value in json.loads(self.result.read_text()).items()}
            decode_s = found.pop("decode_s")
        except (OSError, ValueError, KeyError, AttributeError):
            return assumed
        if "prefix_s" not in found:
            rates = {kind: NETWORK_SHARE * found.get(kind, 0.0) or rate for kind, rate in assumed.multiply_adds_s.items()}
            return Speeds(decode_s, rates, assumed.stretch, "machine")
        rate = self.spec.costs(0, self.cut, self.side_px)[0] / max(found["prefix_s"], 1e-9)
        return Speeds(decode_s, {**assumed.multiply_adds_s, kind_of(self.spec): rate, self.spec.name: rate}, assumed.stretch, "prefix")

    def start(self) -> bool:
        """Have it measured unless that was done or failed; False when there is nothing to wait for. Returns at once."""
        with _turn:
            for path, process in list(_running.items()):
                if process.poll() == 0:
                    del _running[path]
            if self.result.exists():
                return False
            if self.result in _running:
                return _running[self.result].poll() is None  # One that failed would fail again.
            if any(process.poll() is None for process in _running.values()):
                return True  # Two at once would disturb each other; this one's turn comes.
            _drop_oldest(self.result.parent)
            _running[self.result] = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=child_environment(), **detached()
            )
            return True

    def wait(self, timeout_s: float) -> None:
        """Give it the time to end."""
        process = _running.get(self.result)
        if process is not None:
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return

    def _command(self) -> list[str]:
        model = ["--model", str(self.model)] if self.model else []
        dataset = str(self.workspace.dataset(self.dataset_id))
        return [sys.executable, "-m", "tlcore.nn.probe", "--dataset", dataset, "--side", str(self.side_px), "--output", str(self.result), *model]


def _drop_oldest(folder: Path) -> None:
    """Keep no more results than there is a use for."""
    by_age = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in by_age[: max(0, len(by_age) - MOST_KEPT)]:
        path.unlink(missing_ok=True)
