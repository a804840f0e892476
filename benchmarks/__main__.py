"""`python -m benchmarks NAME [--json]`: run one measurement and print its figures with the machine."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys

import psutil

from benchmarks import pages, start

BENCHMARKS = {"start": start.measure, "pages": pages.measure}


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
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    document = {"benchmark": options.name, **BENCHMARKS[options.name](options.rounds), "machine": machine()}
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        for key, value in document.items():
            print(f"{key}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
