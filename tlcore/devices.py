"""Which graphics cards may train here, and how many runs that makes at once; without TensorFlow.

The supervisor gives each worker its cards by CUDA_VISIBLE_DEVICES, so a worker sees those only.
How a card is used is then decided in the worker, by `tlcore.nn.devices`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/gpus")
VISIBLE = "CUDA_VISIBLE_DEVICES"
USUAL_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/cuda/lib64")
# Kepler, Maxwell and Pascal, compute capability below 7.0: the driver's files tell names only.
_OLD = re.compile(r"\b(GTX? [4-9]\d\d|GTX? 10\d\d|MX[123]\d\d|[KMP]\d+|TITAN X|TITAN Z|TITAN Black)", re.IGNORECASE)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclasses.dataclass(frozen=True)
class Card:
    """A graphics card.

    id: what CUDA_VISIBLE_DEVICES calls it.
    """

    id: str
    name: str

    @property
    def mixed_precision(self) -> bool:
        """Whether half precision is expected to pay, judged by the name; a worker asks the card itself."""
        return not _OLD.search(self.name)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The cards that this process may use, and what is made of them.

    libraries: whether TensorFlow finds what it needs to use them.
    """

    found: tuple[Card, ...]
    libraries: bool

    @property
    def cards(self) -> tuple[Card, ...]:
        """Those that runs get."""
        return self.found if self.libraries else ()

    @property
    def runs_at_once(self) -> int:
        """One a card; without cards one, which has the processor to itself."""
        return max(1, len(self.cards))

    def in_words(self, cores: int) -> str:
        """What is used, and how, in a line for Home."""
        if not self.found:
            return f"none; OpenVINO on {cores} core{'s' if cores > 1 else ''}"
        kinds = {card.name: sum(each.name == card.name for each in self.found) for card in self.found}
        names = ", ".join(name if count == 1 else f"{count} × {name}" for name, count in kinds.items())
        if not self.libraries:
            return f"{names}, not used: TensorFlow's CUDA libraries are missing; docs/scaling.md says how to add them"
        number = _NUMBERS[self.runs_at_once] if self.runs_at_once < len(_NUMBERS) else str(self.runs_at_once)
        at_once = f"{number} runs at once" if self.runs_at_once > 1 else "one run at a time"
        mixed = {card.mixed_precision for card in self.cards}
        return f"{names}: {at_once}, " + {1: "mixed precision" if True in mixed else "single precision", 2: "mixed precision where the card gains by it"}[len(mixed)]


def plan(
    driver: Path = DRIVER, environment: Mapping[str, str] = os.environ, folders: Iterable[Path] | None = None
) -> Plan:
    """Look at the driver's files and the environment; takes well under a millisecond and starts no other program.

    folders: where TensorFlow's CUDA libraries are looked for; where the loader looks by default.
    """
    found = visible(installed(driver), environment.get(VISIBLE))
    return Plan(found, bool(found) and _has_libraries(_library_folders(environment) if folders is None else folders))


def installed(driver: Path) -> tuple[tuple[str, str], ...]:
    """Name and UUID of the NVIDIA cards that the driver lists in its files, in the order of their slots."""
    found = []
    for file in sorted(driver.glob("*/information")):
        try:
            pairs = (line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
            about = {name.strip(): value.strip() for name, value in pairs}
        except OSError:
            continue
        if about.get("GPU Excluded") != "Yes":
            found.append((about.get("Model", "NVIDIA card"), about.get("GPU UUID", "")))
    return tuple(found)


def visible(cards: tuple[tuple[str, str], ...], value: str | None) -> tuple[Card, ...]:
    """The cards that CUDA_VISIBLE_DEVICES leaves, by CUDA's own rules: the first wrong entry ends the list.

    Entries are kept as they are, so whatever order CUDA numbers the cards in, each is given out once.
    """
    if value is None:
        return tuple(Card(str(number), name) for number, (name, _) in enumerate(cards))
    found: dict[int | str, Card] = {}
    for entry in (part.strip() for part in value.split(",")):
        if entry.startswith("MIG-") and cards:  # A part of a card; the driver's files don't list these.
            place: int | str | None = entry
        else:
            place = _slot(entry, cards)
        if place is None or place in found:
            break
        found[place] = Card(entry, cards[place][0] if isinstance(place, int) else "part of an NVIDIA card")
    return tuple(found.values())


def _slot(entry: str, cards: tuple[tuple[str, str], ...]) -> int | None:
    """Which of the cards a number or the beginning of a UUID means."""
    if entry.startswith("GPU-"):
        return next((slot for slot, (_, uuid) in enumerate(cards) if uuid.startswith(entry)), None)
    return int(entry) if entry.isascii() and entry.isdigit() and int(entry) < len(cards) else None


NO_CARDS = {VISIBLE: ""}  # For work that a card would only be kept from others by.


def environment_for(cards: Iterable[str]) -> dict[str, str]:
    """What a process's environment must say so that it sees these cards only; nothing where there are none to share."""
    listed = ",".join(cards)
    return {VISIBLE: listed} if listed else {}


def _has_libraries(folders: Iterable[Path]) -> bool:
    """cuDNN stands for all: it comes with TensorFlow's extra `and-cuda`, and no driver brings it."""
    return any(next(folder.glob("libcudnn.so*"), None) is not None for folder in folders)


def _library_folders(environment: Mapping[str, str]) -> list[Path]:
    wheels = importlib.util.find_spec("nvidia")
    inside = [Path(place) / "cudnn" / "lib" for place in (wheels.submodule_search_locations or ())] if wheels else []
    named = [Path(place) for place in environment.get("LD_LIBRARY_PATH", "").split(os.pathsep) if place]
    return [*inside, *named, *map(Path, USUAL_FOLDERS)]
