"""`python -m benchmarks.strategies FOLDER [--seeds N]`: every YAML file of a folder as a run with each seed, and a table of what they reached.

The runs are ordinary ones in the workspace (./workspace, or TLCORE_HOME): what is finished there already with equal
settings isn't repeated, so an interrupted table goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.workbench import say
from tlcore import jobs
from tlcore.config import RunConfig, read_config
from tlcore.datasets.builtin import BUILT_IN
from tlcore.datasets.sources import add_dataset
from tlcore.errors import InputError, TLError
from tlcore.reporter import NullReporter
from tlcore.store import Job, JobState, Store
from tlcore.workspace import Workspace

COLUMNS = ("strategy", "labelled", "unlabelled", "accuracy on the target", "on the source", "seconds a run")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strategies", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of YAML files, such as examples/digits-to-textures")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each file, with train.seed 0, 1, …; the test pictures stay the same")
    options = parser.parse_args()
    workspace = Workspace.from_env().create()
    try:
        store = Store.open(workspace)
        print(table(measure(store, workspace, planned(options.folder, options.seeds))))
    except TLError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def planned(folder: Path, seeds: int) -> dict[str, list[RunConfig]]:
    """The runs by name of their file, the first seed of each before the second of any. Raises InputError."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InputError(f"{folder}: no YAML files there. Give a folder of runs, such as examples/digits-to-textures.")
    return {path.stem: [read_config(path, {"train.seed": seed}) for seed in range(seeds)] for path in files}


def measure(store: Store, workspace: Workspace, plan: dict[str, list[RunConfig]]) -> dict[str, list[Job]]:
    """Queue what is missing, wait for all of it, and return the finished runs by name. Raises RuntimeError where one fails."""
    _add_built_in(store, workspace, (config for configs in plan.values() for config in configs))
    finished = {job.config.hash(): job.id for job in store.jobs("train", [JobState.done], limit=10_000)}
    ids: dict[tuple[str, int], int] = {}
    for seed in range(max(map(len, plan.values()))):
        for name, configs in plan.items():
            ids[name, seed] = finished.get(configs[seed].hash()) or jobs.submit_run(store, workspace, configs[seed])
    for (name, seed), run_id in ids.items():
        job = jobs.wait(store, run_id)
        if job.state is not JobState.done:
            raise RuntimeError(f"{name}, seed {seed}: run {run_id} is {job.state}: {job.error}\n{job.traceback or ''}")
        say(f"{name}, seed {seed}: {(job.result or {})['test_accuracy']:.4f}")
    return {name: [store.job(ids[name, seed]) for seed in range(len(configs))] for name, configs in plan.items()}


def table(runs: dict[str, list[Job]]) -> str:
    """A Markdown table, the best first: mean ± standard deviation over seeds in percent, and mean seconds."""
    rows = []
    for name, done in runs.items():
        results = [job.result or {} for job in done]
        source = [each["source_test"]["accuracy"] for each in results if each.get("source_test")]
        unlabelled = results[0].get("unlabelled_images", 0) if done[0].config.strategy.reads_unlabelled else 0  # train_images counts all that were read.
        on_target = [each["test_accuracy"] for each in results]
        cells = (
            name, f"{results[0]['train_images'] - unlabelled:,}", f"{unlabelled:,}", _percent(on_target),
            _percent(source) if source else "–", f"{statistics.fmean(each['seconds'] for each in results):.0f}",
        )
        rows.append((-statistics.fmean(on_target), cells))
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells for _, cells in sorted(rows))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _percent(shares: Sequence[float]) -> str:
    spread = f" ± {100 * statistics.stdev(shares):.1f}" if len(shares) > 1 else ""
    return f"{100 * statistics.fmean(shares):.1f}{spread}"


def _add_built_in(store: Store, workspace: Workspace, configs: Iterable[RunConfig]) -> None:
    """Datasets that come with the workbench are added where they are missing; others are the user's to add."""
    there = {record.name for record in store.datasets()}
    wanted = {name for config in configs for name in (config.dataset, config.source.dataset) if name}
    for name in sorted(wanted & BUILT_IN.keys() - there):
        store.add_dataset(jobs.dataset_record(add_dataset(name, None, workspace, NullReporter()), workspace))


if __name__ == "__main__":
    sys.exit(main())
