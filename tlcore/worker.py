"""python -m tlcore.worker: one process that carries out one job, then ends.

The only place that catches everything: whatever happens, the job ends in one state with one
sentence that says why.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import hashlib
import os
import select
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tlcore import chains, jobs, locks, weight_sets
from tlcore.errors import Cancelled, ResourceError, Superseded, TLError
from tlcore.reporter import Committed, NullReporter, Stopwatch
from tlcore.store import DatasetRecord, EpochRecord, Job, JobState, Store
from tlcore.weight_sets import WeightSet
from tlcore.workspace import Workspace

WRITE_EVERY_S = 0.2  # Progress, at most.
CHECK_EVERY_S = 0.5
PATIENCE_S = 60.0  # A store that stays locked this long fails the run.

T = TypeVar("T")


class Outcome(NamedTuple):
    """What a job leaves: figures, and a dataset that is to be recorded with its end."""

    result: dict[str, Any]
    dataset: DatasetRecord | None = None


class StoreReporter:
    """Writes a job's progress to the store, and stops the job when the store says so."""

    def __init__(
        self, store: Store, job: Job, run_dir: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._job, self._run_dir, self._clock = store, job, run_dir, clock
        self._watch = Stopwatch(clock)
        self._began = clock()
        self._next_write = self._next_check = self._began
        self._latest: dict[str, Any] = {}
        self._uncommitted: list[EpochRecord] = []

    def worked_s(self) -> float:
        """Seconds worked on the job, in this attempt and the ones before."""
        return self._job.worked_s + self._clock() - self._began

    def phase(self, name: str) -> None:
        self._watch.begin(name)
        self._latest = {"phase": name}
        self._next_write = self._clock()
        self._write()

    def progress(self, fraction: float, message: str = "") -> None:
        self._latest.update(progress=min(1.0, max(0.0, float(fraction))), message=message)
        self._write()

    def log(self, message: str) -> None:
        self.note(message, "info")

    def note(self, message: str, level: str) -> None:
        """Add a line to the log file and to the events."""
        write_log(self._run_dir, message)
        patiently(lambda: self._store.note(self._job, message, level))

    def epoch(self, number: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        record = EpochRecord(
            epoch=number,
            attempt=self._job.attempt,
            seconds=self.worked_s(),
            metrics={name: float(value) for name, value in metrics.items() if name not in ("epoch", "seconds")},
            checkpoint=checkpoint.name if checkpoint else "",
            sha256=sha256_of(checkpoint) if checkpoint else "",
        )
        self._uncommitted.append(record)
        if checkpoint:
            patiently(lambda: self._store.commit_epochs(self._job, self._uncommitted))
            self._uncommitted = []

    def check(self) -> None:
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            self._write(now=True)

    def phases(self) -> dict[str, float]:
        return self._watch.seconds()

    def _write(self, now: bool = False) -> None:
        if not now and self._clock() < self._next_write:
            return
        try:
            asked = self._store.report(self._job, worked_s=self.worked_s(), **self._latest)
        except ResourceError:
            asked = False  # A locked store costs a figure on the page, not the run.
        self._next_write = self._clock() + WRITE_EVERY_S
        self._latest = {}
        if asked:
            raise Cancelled("Cancelled.")


def train(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Carry out a run."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn import training

    workspace = store.workspace
    if job.config.backbone.run is not None:
        reporter.phase("prepare")
        take_trunk(store, job.config.backbone.run)
    dataset = Dataset.open(workspace.dataset(job.payload["dataset_id"]))
    resume_from = last_committed(job, store, run_dir, reporter)
    more: dict[str, Any] = {}
    if "source_id" in job.payload:
        more["source"] = Dataset.open(workspace.dataset(job.payload["source_id"]))
    return Outcome(training.run(job.config, dataset, workspace, run_dir, reporter, resume_from, **more))


def ingest(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Add a dataset."""
    from tlcore.datasets.sources import add_dataset

    dataset = add_dataset(
        job.payload["source"], job.payload["name"], store.workspace, reporter, job.payload.get("uploaded_as")
    )
    record = jobs.dataset_record(dataset, store.workspace)
    return Outcome({"dataset": record.name, "dataset_id": record.id}, record)


def weights(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Add a weight set from a file, or from a finished run."""
    from tlcore.nn import foreign_weights

    asked = job.payload
    reporter.phase("read")
    if "run" in asked:
        made = take_trunk(store, asked["run"], asked["name"])
    else:
        made = foreign_weights.add_file(
            Path(asked["source"]), asked["backbone"], store.workspace, run_dir,
            name=asked["name"], partial=asked["partial"], trained_on=asked["trained_on"], shown=asked["shown"],
        )
    reporter.log(f"Weight set '{made.name}' for {made.backbone}: {made.report}.")
    return Outcome({"weight_set": made.id, "name": made.name})


def take_trunk(store: Store, run_id: int, name: str | None = None) -> WeightSet:
    """What the backbone of a finished run has learnt, as a weight set; the one that was made before serves."""
    from tlcore.nn import foreign_weights

    made = weight_sets.of_run(store.workspace, run_id)
    if made is not None:
        return made
    known = chains.after_run(store, store.job(run_id))
    return foreign_weights.add_run(store.workspace.run(run_id), run_id, known, store.workspace, name)

def export(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Write a finished run's model as Keras's own file."""
    from tlcore.nn.export import keras_file

    reporter.phase("export")
    remove_half_written(store.workspace.run(job.payload["run"]))
    path = keras_file(store.workspace.run(job.payload["run"]))
    return Outcome({"run": job.payload["run"], "file": path.name, "bytes": path.stat().st_size})


def shift(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Measure how far two domains are apart."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn.shift import measure

    if job.config.backbone.run is not None:
        take_trunk(store, job.config.backbone.run)
    target, source = (Dataset.open(store.workspace.dataset(job.payload[name])) for name in ("dataset_id", "source_id"))
    return Outcome(dataclasses.asdict(measure(job.config, target, source, store.workspace, reporter)))


Execute = Callable[[Job, Store, Path, StoreReporter], Outcome]
JOB_KINDS: dict[str, Execute] = {"train": train, "ingest": ingest, "export": export, "shift": shift, "weights": weights}


def run_job(store: Store, job: Job, execute: Execute) -> JobState:
    """Carry out a claimed job to its end, whatever happens, and return the state it ended in.

    Raises: Superseded when the job belongs to another attempt now; nothing was written then.
    """
    run_dir = store.workspace.run(job.id)
    reporter = StoreReporter(store, job, run_dir)
    outcome, error, trace = None, None, None
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        remove_half_written(run_dir)
        reporter.log(f"Attempt {job.attempt} begins.")
        outcome = execute(job, store, run_dir, reporter)
        state = JobState.done
    except Superseded:
        raise
    except Cancelled:
        state = JobState.cancelled
    except BaseException as problem:
        state, error = JobState.failed, sentence(problem)
        trace = None if isinstance(problem, TLError) else traceback.format_exc()
    return _finish(store, job, reporter, state, outcome, error, trace)


def _finish(
    store: Store,
    job: Job,
    reporter: StoreReporter,
    state: JobState,
    outcome: Outcome | None,
    error: str | None,
    trace: str | None,
) -> JobState:
    run_dir = store.workspace.run(job.id)
    remove_half_written(run_dir)  # On a full disk this makes the room for what follows.
    if error:
        write_log(run_dir, "\n".join(part for part in (error, trace) if part))
    figures = {"result": outcome.result if outcome else None, "worked_s": reporter.worked_s()}
    try:
        patiently(
            lambda: store.finish(
                job, state, outcome.dataset if outcome else None, error=error, traceback=trace, **figures
            )
        )
    except TLError as problem:
        if outcome is None or outcome.dataset is None:
            raise
        jobs.remove_folder(store.workspace.dataset(outcome.dataset.id))
        if isinstance(problem, Superseded):
            raise
        return _finish(store, job, reporter, JobState.failed, None, str(problem), None)
    if state == JobState.done and job.kind in ("ingest", "weights"):
        jobs.drop_upload(store, job)  # Only now: an end that wasn't recorded needs it once more.
    return state


def sentence(problem: BaseException) -> str:
    """What went wrong and what helps, in words for the person who started the job."""
    name = type(problem).__name__
    if isinstance(problem, TLError):
        return str(problem)
    if isinstance(problem, MemoryError) or name == "ResourceExhaustedError":
        return "The run ran out of memory. Lower train.batch_size or backbone.input_size, or choose a smaller backbone, then resume or clone it."
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Disk full: the run stopped, and its last finished epoch is kept. Free some space, then resume it."
    first_line = str(problem).strip().partition("\n")[0][:200] or "no more is known"
    return f"The job stopped by an unexpected error ({name}: {first_line}). Its log has the details."


def last_committed(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Committed | None:
    """The newest epoch whose checkpoint is as it was committed; those after it are forgotten."""
    records = store.epoch_records(job.id)
    kept = len(records)
    while kept and not _unchanged(run_dir / records[kept - 1].checkpoint, records[kept - 1].sha256):
        kept -= 1
    if kept < len(records):
        instead = f"epoch {records[kept - 1].epoch}" if kept else "the beginning"
        newest = records[-1].epoch
        reporter.note(f"The checkpoint of epoch {newest} is missing or was altered; going on from {instead}.", "warning")
        store.drop_epochs(job, after=records[kept - 1].epoch if kept else 0)
    if not kept:
        return None
    history = [
        {"epoch": float(r.epoch), "seconds": r.seconds, **{k: float("nan") if v is None else v for k, v in r.metrics.items()}}
        for r in records[:kept]
    ]
    reporter.log(f"Going on after epoch {records[kept - 1].epoch}.")
    return Committed(records[kept - 1].epoch, run_dir / records[kept - 1].checkpoint, history)


def _unchanged(path: Path, sha256: str) -> bool:
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def patiently(write: Callable[[], T]) -> T:
    """Repeat a write that must not be lost while the store is locked. Raises ResourceError at last."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except ResourceError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.5)


def write_log(run_dir: Path, message: str) -> None:
    """Add a line to the run's log file; a disk that is full costs the line only."""
    try:
        with (run_dir / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")
    except OSError as problem:
        print(f"log line lost ({problem}): {message}", file=sys.stderr)


def remove_half_written(run_dir: Path) -> None:
    """Remove what an attempt that was killed had not finished writing."""
    for left in run_dir.glob(".writing-*"):
        left.unlink(missing_ok=True)


def warm_up(kind: str, store: Store) -> None:
    """Import and try once what a job of this kind needs, so that it starts at once."""
    if kind == "train":
        from tlcore.nn import training, warming  # noqa: F401

        warming.warm_up(store.workspace)
        if os.environ.get("TLCORE_REHEARSE", "1") != "0" and not told_already():
            expect_another(store)
    elif kind == "ingest":
        import tlcore.datasets.sources  # noqa: F401


class UntilTold(NullReporter):
    """Stops a rehearsal when a job is there."""

    def check(self) -> None:
        if told_already():
            raise Cancelled("A job came.")


def expect_another(store: Store) -> None:
    """Rehearse the latest finished run: the same pictures with another setting come most often."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn import warming

    try:
        for job in store.jobs(kind="train", states=[JobState.done], limit=1):
            if "source_id" in job.payload:
                return  # Two domains aren't rehearsed.
            dataset = Dataset.open(store.workspace.dataset(job.payload["dataset_id"]))
            store.workspace.rehearsals.mkdir(parents=True, exist_ok=True)
            warming.rehearse(job.config, dataset, store.workspace, store.workspace.rehearsals, UntilTold())
    except Exception as problem:  # Whatever it is, the run itself will tell of it better.
        print(f"rehearsal left off: {sentence(problem)}", file=sys.stderr)


def told_already() -> bool:
    """Whether a line waits on standard input; where that can't be asked, it may."""
    return os.name != "posix" or bool(select.select([sys.stdin], [], [], 0)[0])


def main(arguments: list[str] | None = None) -> int:
    """Get ready, wait for one line on standard input, claim a job and carry it out."""
    parser = argparse.ArgumentParser(prog="tlcore.worker", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--kind", choices=sorted(JOB_KINDS), required=True)
    parser.add_argument("--owner", required=True, help="names the lock that says this worker lives")
    parser.add_argument("--cards", type=int, default=1, help="cards that the job to be claimed asks for")
    options = parser.parse_args(arguments)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # It would call home.
    store = Store.open(Workspace(options.workspace.resolve()))
    # Held until the process ends: the first sign of life comes before the claim.
    if locks.take_owner_lock(store.workspace.locks, options.owner) is None:
        print(f"another worker is called {options.owner}", file=sys.stderr)
        return 1
    warm_up(options.kind, store)
    print(f"worker {options.owner} is ready for {options.kind}", flush=True)
    if not sys.stdin.readline():
        return 0  # The supervisor is gone, or has no use for this worker.
    job = jobs.claim(store, options.owner, options.kind, options.cards)
    if job is None:
        return 0  # It was cancelled meanwhile.
    try:
        run_job(store, job, JOB_KINDS[options.kind])
    except Superseded as superseded:
        print(superseded, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
