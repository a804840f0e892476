"""`python -m benchmarks NAME [--rounds N] [--json]`: run one measurement and print its figures with the machine."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Any

import psutil

from benchmarks import (
    collect,
    extract,
    frozen,
    growth,
    pages,
    partial,
    predict,
    start,
    study,
    sweep,
    unknown,
)
from benchmarks.figures import table
from benchmarks.workbench import Material
from tlcore.errors import TLError

BENCHMARKS = {"start": start.measure, "pages": pages.measure}
# These take CIFAR-10 from a ZIP.
WITH_MATERIAL = {
    "frozen-cold": frozen.measure_cold,
    "frozen-warm": frozen.measure_warm,
    "partial": partial.measure,
    "sweep": sweep.measure,
    "extract": extract.measure,
    "growth": growth.measure,
    "study": study.measure,
    "predict": predict.measure,
    "collect": collect.measure,
    "unknown": unknown.measure,
}
ROUNDS = {"frozen-cold": 3, "frozen-warm": 3, "partial": 3, "sweep": 1, "growth": 1, "study": 1, "unknown": 1}
USUAL_ROUNDS = 5


def machine() -> dict[str, object]:
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, *WITH_MATERIAL])
    parser.add_argument("--rounds", type=int, help=f"{USUAL_ROUNDS}; 3 where a peer takes minutes, 1 for sweep, growth, study and unknown")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--strict", action="store_true", help="end with status 1 where a target is missed that the measurement checks itself")
    parser.add_argument("--data", type=Path, default=Material.archive, help="ZIP of CIFAR-10 with train/<class>/*.jpg")
    parser.add_argument("--quick", action="store_true", help="so few pictures that only the machinery is tried")
    options = parser.parse_args()
    # Ended from outside, it still takes its workers, its peer and its files with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rounds = options.rounds or ROUNDS.get(options.name, USUAL_ROUNDS)
    try:
        if options.name in BENCHMARKS:
            figures = BENCHMARKS[options.name](rounds)
        else:
            figures = WITH_MATERIAL[options.name](rounds, Material(options.data, options.quick))
    except TLError as error:
        print(error, file=sys.stderr)
        return 1
    document: dict[str, Any] = {"benchmark": options.name, **figures, "machine": machine()}
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        for key, value in document.items():
            print(f"{key}: {value}" if key != "pages" else table(value))
    if options.strict and document.get("missed"):
        print("\n".join(map(str, document["missed"])), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
