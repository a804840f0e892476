"""What can be done with jobs: submit, cancel, resume, delete, claim, reap, wait."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlcore import chains, devices, locks, weight_sets
from tlcore.config import RunConfig
from tlcore.errors import ConflictError, InputError, TLError
from tlcore.executors import child_environment, detached
from tlcore.store import ACTIVE, RESUMABLE, DatasetRecord, Job, JobState, Store
from tlcore.workspace import UNLISTED_FILE, Workspace, folder_bytes

if TYPE_CHECKING:
    from tlcore.datasets.dataset import Dataset

FORGOTTEN_AFTER_S = 86_400.0
MOST_DEATHS = 3  # Of a study's workers, one after the other, none of which brought a run to its end.
OF_A_RUN = ("export", "map", "label_check")  # Kinds of job that are about a finished run, and go with it.
GONE = {
    "train": (
        "Its process ended without a word: killed, out of memory, or the machine stopped. Resume it to go on from the last finished epoch; "
        "if memory ran short, clone it with a lower train.batch_size, a lower backbone.input_size or fewer freeze.trainable_blocks instead."
    ),
    "ingest": "Its process ended without a word: killed, out of memory, or the machine stopped. Nothing of it was kept; try it again.",
    "weights": "Its process ended without a word: killed, out of memory, or the machine stopped. Nothing of it was kept; try it again.",
    "export": "Its process ended without a word: killed, out of memory, or the machine stopped. Ask for the file again.",
    "shift": "Its process ended without a word: killed, out of memory, or the machine stopped. Measure it again.",
    "map": "Its process ended without a word: killed, out of memory, or the machine stopped. Ask for the map again.",
    "label_check": "Its process ended without a word: killed, out of memory, or the machine stopped. Look for wrong labels again.",
    "rate": "Its process ended without a word: killed, out of memory, or the machine stopped. Ask for the rate again.",
    "rank": "Its process ended without a word: killed, out of memory, or the machine stopped. Rank them again: what was measured is stored.",
    "more": "Its process ended without a word: killed, out of memory, or the machine stopped. Ask it again.",
    "study": (
        "Its process ended without a word, again and again without finishing a trial: killed, out of memory, or the machine stopped. "
        "Delete the run that it was at if that asks for too much memory, then continue the study."
    ),
}


def submit_run(
    store: Store, workspace: Workspace, config: RunConfig, token: str | None = None, forecast: dict[str, Any] | None = None,
    series: int | None = None,
) -> int:
    """Check a run against what is here, queue it with its forecast, and return its id.

    token: two submissions with the same one make one run.
    forecast: what was shown of the run (Outlook.to_json); made here where it is missing.
    series: of which experiment it is a part; `series_jobs.submit` queues a whole one at once.
    Raises: NotFoundError, InputError before anything is queued.
    """
    run_id = store.add_job(**run_row(store, config, forecast), token=token, series=series)
    ensure_supervisor(workspace)
    return run_id


def run_row(store: Store, config: RunConfig, forecast: dict[str, Any] | None = None) -> dict[str, Any]:
    """A run that was checked, as `Store.add_job` takes it; see `submit_run`."""
    record, source = store.dataset(config.dataset), source_record(store, config)
    check_run(config, record, store)
    config = config.model_copy(update={"backbone": chains.pinned(store, config.backbone)})
    payload: dict[str, Any] = {"config": config.model_dump(mode="json"), "dataset_id": record.id}
    if source is not None:
        payload["source_id"] = source.id
    if forecast is None:
        forecast = forecast_of(store, config)
    if forecast:
        payload["forecast"] = forecast
    return {"kind": "train", "title": config.title, "payload": payload, "dataset_id": record.id, "source_id": payload.get("source_id")}


def source_record(store: Store, config: RunConfig) -> DatasetRecord | None:
    """The dataset of a run's source, if it has one. Raises NotFoundError."""
    return None if config.source.dataset is None else store.dataset(config.source.dataset)


def forecast_of(store: Store, config: RunConfig) -> dict[str, Any] | None:
    """What the run will take; None where that can't be said, which the run itself will tell more of."""
    from tlcore.forecast.outlook import outlook_of  # Read when needed only: Arrow takes its time.

    try:
        return outlook_of(store, config).to_json()
    except (TLError, OSError):
        return None


def check_run(config: RunConfig, record: DatasetRecord, store: Store) -> None:
    """Raise InputError where settings don't fit the dataset, the source's, the backbone or its weights."""
    from tlcore.backbones import spec  # Read when needed only: a table for every network.

    unknown = [name for name in config.classes or () if name not in record.classes]
    if unknown:
        known = ", ".join(record.classes[:20]) + (", …" if len(record.classes) > 20 else "")
        raise InputError(f"dataset '{record.name}' has no class '{unknown[0]}'. Its classes: {known}.")
    source = source_record(store, config)
    if source is not None and source.id != record.id:
        # Read when needed only: Arrow takes its time.
        from tlcore.datasets.domains import refuse_missing_classes

        refuse_missing_classes(config.classes or record.classes, record.name, source.name, source.classes)
    backbone = spec(config.backbone.name)
    side_px = config.backbone.input_size
    if side_px is not None and side_px < backbone.min_size:
        raise InputError(
            f"backbone.input_size {side_px} is too small: {backbone.name} needs {backbone.min_size} or more."
        )
    if config.freeze.trainable_blocks > len(backbone.blocks):
        raise InputError(
            f"freeze.trainable_blocks {config.freeze.trainable_blocks} is too many: {backbone.name} has {len(backbone.blocks)} blocks."
        )
    if config.backbone.weights not in backbone.choices:
        raise InputError(
            f"backbone.weights '{config.backbone.weights}' don't exist for {backbone.name}. Choose one of: {', '.join(backbone.choices)}."
        )
    chains.check(store, config.backbone)
    cards = len(devices.plan().cards) if config.train.devices > 1 else 0
    if config.train.devices > max(1, cards):
        raise InputError(
            f"train.devices {config.train.devices} is too many: this machine has {cards or 'no'} graphics card{'s' if cards > 1 else ''} to use. Set it to {cards or 1} or less."
        )


def submit_ingest(
    store: Store,
    workspace: Workspace,
    source: str,
    name: str | None = None,
    token: str | None = None,
    uploaded_as: str | None = None,
) -> int:
    """Queue the adding of a dataset and return the job's id.

    token: two submissions with the same one make one import.
    uploaded_as: the name that an uploaded file had with its owner; the dataset's source keeps it.
    Raises: InputError for a path that can't be one, ConflictError when the name is taken.
    """
    earlier = store.job_by_token(token) if token is not None else None
    if earlier is not None:
        return earlier.id
    source = located(source)
    shown = name or Path(source).stem
    refuse_taken(store, shown)
    payload = {"source": source, "name": name}
    if uploaded_as is not None:
        payload["uploaded_as"] = uploaded_as
    job_id = store.add_job("ingest", f"Add {shown}", payload, token=token)
    ensure_supervisor(workspace)
    return job_id


def located(source: str) -> str:
    """A source as its job finds it: a name as it is, a path whole: the worker's folder and home may be others."""
    # Read when needed only: Arrow takes its time.
    from tlcore.datasets.sources import BUILT_IN, KNOWN

    if source in BUILT_IN or source in KNOWN:
        return source
    try:
        if source.strip():
            return str(Path(source).expanduser().resolve())
    except (ValueError, RuntimeError, OSError):  # A NUL, a home that nobody has, links in a circle.
        pass
    raise InputError(f"{source[:60]!r} can't be the path of a file or a folder. Check the path.")


def refuse_taken(store: Store, name: str) -> None:
    """Raise ConflictError where a dataset has the name, or is about to."""
    if any(record.name == name for record in store.datasets()):
        raise ConflictError(f"A dataset named '{name}' exists already. Choose another name.")
    if any(_dataset_name(job) == name for job in store.jobs("ingest", states=ACTIVE, limit=10_000)):
        raise ConflictError(f"A dataset named '{name}' is being added already. Wait for it or cancel it, or choose another name.")


def _dataset_name(job: Job) -> str:
    """What an import calls its dataset."""
    return job.payload["name"] or Path(job.payload["source"]).stem


def dataset_record(dataset: Dataset, workspace: Workspace) -> DatasetRecord:
    """What the store keeps of a dataset that is whole on disk."""
    return DatasetRecord(
        id=dataset.id,
        name=dataset.name,
        classes=tuple(dataset.classes),
        count=len(dataset),
        source=dataset.source,
        created_at=dataset.created_at,
        report=dataset.report.model_dump(mode="json"),
        bytes=folder_bytes(workspace.dataset(dataset.id)),
    )


def cancel(store: Store, job_id: int) -> JobState:
    """Cancel a waiting job at once and ask a running one to stop; an ended one stays as it is."""
    state = store.request_cancel(job_id)
    _touch(store.workspace.wake)
    return state


def resume(store: Store, job_id: int) -> None:
    """Queue a failed, cancelled or interrupted job again: a run from its last committed epoch, an import anew.

    Raises: ConflictError for a job in another state, and when the import's name was taken meanwhile.
    """
    job = store.job(job_id)
    if job.kind == "ingest" and job.state in RESUMABLE:
        refuse_taken(store, _dataset_name(job))
    if not store.requeue(job_id):
        state = store.job(job_id).state
        raise ConflictError(f"run {job_id} is {state}; only {', '.join(sorted(RESUMABLE))} ones can be resumed.")
    ensure_supervisor(store.workspace)


def delete_run(store: Store, workspace: Workspace, job_id: int) -> None:
    """Delete an ended job and its files. Raises ConflictError while it is active, or the backbone of one that isn't done."""
    if users := chains.waiting_for(store, job_id):
        named = ", ".join(f"{run} ({title})" for run, title in list(users.items())[:5])
        raise ConflictError(f"run {job_id} is the backbone of run {named}, which is not done. Delete that first, or wait for it.")
    if not store.delete_job(job_id):
        raise ConflictError(f"run {job_id} is {store.job(job_id).state}. Cancel it, then delete it.")
    remove_folder(workspace.run(job_id))
    for kind in OF_A_RUN:
        for job in store.jobs(kind, limit=10_000):
            if job.payload["run"] == job_id and store.delete_job(job.id):
                remove_folder(workspace.run(job.id))


def dismiss(store: Store, job_id: int) -> None:
    """Forget an ended import with what was uploaded for it. Raises ConflictError while it is active."""
    job = store.job(job_id)
    delete_run(store, store.workspace, job_id)
    drop_upload(store, job)


def delete_dataset(store: Store, workspace: Workspace, name: str) -> None:
    """Delete a dataset and its files. Raises ConflictError naming the runs that use it."""
    record = store.dataset(name)
    if not store.delete_dataset(record.id):
        users = store.users_of(record.id)
        named = ", ".join(f"{run} ({title})" for run, title in list(users.items())[:5]) + (", …" if len(users) > 5 else "")
        raise ConflictError(f"dataset '{record.name}' is used by run {named}. Delete these first.")
    remove_folder(workspace.dataset(record.id))


def claim(store: Store, owner: str, kind: str | None = None, cards: int | None = None) -> Job | None:
    """Take the job that waited longest for the owner, who must hold its lock.

    cards: only one that asks for this many cards; any by default.
    """
    return store.claim(owner, kind, cards)


def reap(store: Store) -> list[int]:
    """End the running jobs whose worker is gone, and return their ids."""
    reaped = []
    for job in store.jobs(states=[JobState.running]):
        if is_alive(store.workspace, job):
            continue
        if job.kind == "study" and _put_back(store, job):
            store.add_event(job.id, "The worker's process is gone. The study goes on in another.", "warning")
            reaped.append(job.id)
        elif store.give_up(job, GONE[job.kind]):
            store.add_event(job.id, "The worker's process is gone.", "warning")
            reaped.append(job.id)
    return reaped


def _put_back(store: Store, job: Job) -> bool:
    """Queue a study whose worker died by itself, unless as many died before without a newly ended run."""
    ended, before = store.trials.ended(job.series or 0), job.payload.get("deaths", {})
    times = before.get("times", 0) + 1 if before.get("ended") == ended else 1
    return times <= MOST_DEATHS and store.put_back(job, {**job.payload, "deaths": {"ended": ended, "times": times}})


def is_alive(workspace: Workspace, job: Job) -> bool:
    """Whether the worker that claimed the job holds its lock."""
    return job.owner is not None and locks.is_held(locks.owner_lock(workspace.locks, job.owner))


def wait(store: Store, job_id: int, timeout_s: float | None = None) -> Job:
    """The job when it has ended, or as it is after `timeout_s`."""
    give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
    look_at = time.monotonic()
    while (job := store.job(job_id)).active:
        now = time.monotonic()
        if give_up_at is not None and now >= give_up_at:
            break
        if now >= look_at:
            ensure_supervisor(store.workspace)
            look_at = now + 2.0
        time.sleep(0.1)
    return job


def ensure_supervisor(workspace: Workspace) -> None:
    """Start the workspace's supervisor unless it runs, and make it look; cheap enough for every poll."""
    workspace.create()
    _touch(workspace.wake)
    lock = locks.FileLock.take(workspace.supervisor_lock)
    if lock is None:
        return
    command = [sys.executable, "-m", "tlcore.supervisor", "--workspace", str(workspace.root.resolve())]
    options = detached()
    if os.name == "posix":
        command += ["--lock-handle", str(lock.handle())]
        options["pass_fds"] = (lock.handle(),)
    with workspace.supervisor_log.open("ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=child_environment(), **options
        )
    lock.release()


def sweep(store: Store) -> None:
    """Remove what nobody can use any more: half-deleted folders, unlisted datasets, locks of the dead, forgotten uploads, rehearsals."""
    workspace = store.workspace
    for folder in (workspace.runs, workspace.datasets, workspace.weights):
        for left in folder.glob(".deleting-*"):
            shutil.rmtree(left, ignore_errors=True)
    for left in workspace.weights.glob(f"{weight_sets.UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > FORGOTTEN_AFTER_S:  # No worker takes so long.
            shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(workspace.rehearsals, ignore_errors=True)
    _sweep_unlisted(store)
    for path in workspace.locks.glob("worker-*.lock"):
        lock = locks.FileLock.take(path)
        if lock:
            lock.remove()
    wanted = _wanted_sources(store)
    for upload in workspace.uploads.iterdir():
        # A page may just have received it and not submitted its job yet.
        if str(upload) not in wanted and time.time() - upload.stat().st_mtime > FORGOTTEN_AFTER_S:
            upload.unlink(missing_ok=True)


def _sweep_unlisted(store: Store) -> None:
    """Remove the datasets whose import died between their last byte and their row in the store."""
    if not store.jobs(limit=1):
        return  # An empty store is perhaps the wrong one; nothing is deleted on its word.
    for mark in store.workspace.datasets.glob(f"*/{UNLISTED_FILE}"):
        if not _adder_gone(mark):
            continue
        # Asked after the adder's end, so the answer is final.
        if any(record.id == mark.parent.name for record in store.datasets()):
            mark.unlink(missing_ok=True)
        else:
            remove_folder(mark.parent)


def _adder_gone(mark: Path) -> bool:
    adder = locks.ProcessId.read(mark)
    if adder is not None and adder.boot == locks.boot_id():
        return not adder.alive()
    try:  # Of another machine, or another start of this one, only time tells.
        return time.time() - mark.stat().st_mtime > FORGOTTEN_AFTER_S
    except OSError:
        return False  # The dataset was listed in this instant.


def drop_upload(store: Store, job: Job) -> None:
    """Delete what was uploaded for an import that is done or forgotten, unless another one needs it."""
    upload = Path(job.payload.get("source") or "")
    if upload.parent != store.workspace.uploads or str(upload) in _wanted_sources(store):
        return
    with contextlib.suppress(FileNotFoundError):
        # Received again after this import was submitted: the page is about to submit another.
        if upload.stat().st_mtime <= job.created_at:
            upload.unlink()


def _wanted_sources(store: Store) -> set[str | None]:
    """What imports may yet read; those that failed or were cancelled are given up after a day."""
    kept_since = time.time() - FORGOTTEN_AFTER_S
    given_up = (JobState.failed, JobState.cancelled)
    return {
        job.payload.get("source")
        for kind in ("ingest", "weights")
        for job in store.jobs(kind, states=ACTIVE | RESUMABLE, limit=10_000)
        if job.state not in given_up or (job.finished_at or 0.0) > kept_since
    }


def remove_folder(folder: Path) -> None:
    """Take a folder out of sight in one step, then delete it."""
    doomed = folder.with_name(f".deleting-{folder.name}-{time.monotonic_ns()}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _touch(path: Path) -> None:
    path.touch()
    os.utime(path, ns=(time.time_ns(), time.time_ns()))
