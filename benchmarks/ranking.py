"""`python -m benchmarks.ranking DATASET --classes A B … [--classes …]`: rank the backbones that are here, train each of them frozen, and compare the two orders.

Rankings and runs are ordinary ones in the workspace (./workspace, or TLCORE_HOME): what is finished there already with
equal settings isn't repeated, so an interrupted comparison goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
from collections.abc import Iterable, Sequence

from benchmarks.workbench import say
from tlcore import jobs
from tlcore.config import RunConfig, parse
from tlcore.errors import TLError
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking.agreement import agreements
from tlcore.ranking.table import MEASURES, Ranking
from tlcore.store import RESUMABLE, Job, JobState, Store
from tlcore.workspace import Workspace

EPOCHS = 30  # At most; early stopping ends most sooner.


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranking", description=__doc__)
    parser.add_argument("dataset", help="name of a dataset in the workspace")
    parser.add_argument("--classes", nargs="+", action="append", required=True, help="a problem of these classes; repeat it for more problems")
    parser.add_argument("--at-most", type=int, metavar="PX", help="no larger pictures than this; otherwise the usual input size of each")
    parser.add_argument("--seeds", type=int, default=3, help="frozen runs of each backbone, with train.seed 0, 1, …")
    options = parser.parse_args()
    try:
        store = Store.open(Workspace.from_env().create())
        for classes in options.classes:
            ranking = ranked(store, options.dataset, classes, options.at_most)
            reached = trained(store, ranking, options.seeds)
            print("\n".join([f"\n{', '.join(ranking.classes)}: ranked on {ranking.pictures:,} training pictures\n", *figures(ranking, reached), "", *taus(ranking, reached)]), flush=True)
    except TLError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def ranked(store: Store, dataset: str, classes: Sequence[str], at_most_px: int | None) -> Ranking:
    """Of all backbones and weight sets whose weights are here; the one that is there already where nothing has changed."""
    chosen = {title: config for title, config in rank_jobs.candidates(store).items() if rank_jobs.is_here(config)}
    # One token for equal questions: what was asked before serves again.
    job_id = rank_jobs.submit(store, dataset, chosen, classes, at_most_px, token=_token(dataset, sorted(classes), at_most_px, sorted(chosen)))
    if store.job(job_id).state in RESUMABLE:
        jobs.resume(store, job_id)
    found = rank_jobs.found(store, _done(store, job_id))
    assert found is not None
    return found


def _token(*question: object) -> str:
    return f"benchmark {hashlib.sha256(repr(question).encode()).hexdigest()}"


def trained(store: Store, ranking: Ranking, seeds: int) -> dict[str, list[float]]:
    """Test accuracies of the frozen runs by title, a run a seed."""
    finished = {job.config.hash(): job.id for job in store.jobs("train", [JobState.done], limit=10_000)}
    ids = {
        (row.title, seed): finished.get((config := _run(ranking, row.backbone, seed)).hash()) or jobs.submit_run(store, store.workspace, config)
        for row in ranking.rows if row.scores for seed in range(seeds)
    }
    found: dict[str, list[float]] = {}
    for (title, seed), run_id in ids.items():
        found.setdefault(title, []).append((_done(store, run_id).result or {})["test_accuracy"])
        say(f"{title}, seed {seed}: {found[title][-1]:.4f}")
    return found


def _run(ranking: Ranking, backbone: dict[str, object], seed: int) -> RunConfig:
    return parse({"dataset": ranking.dataset, "classes": list(ranking.classes), "backbone": backbone, "train": {"epochs": EPOCHS, "seed": seed}})


def _done(store: Store, job_id: int) -> Job:
    job = jobs.wait(store, job_id)
    if job.state is not JobState.done:
        raise RuntimeError(f"{job.title}, job {job_id}, is {job.state}: {job.error}\n{job.traceback or ''}")
    return job


def figures(ranking: Ranking, reached: dict[str, list[float]]) -> list[str]:
    """A Markdown table, the best run first: accuracy in percent as mean ± standard deviation over seeds, and each measure."""
    shown = [name for name in MEASURES if any(row.figure(name) is not None for row in ranking.rows if row.scores)]
    rows = [("backbone", "input", "accuracy reached", *(MEASURES[name].title for name in shown), "seconds to rank")]
    for row in sorted(ranking.rows, key=lambda each: -statistics.fmean(reached.get(each.title, [0.0]))):
        if row.scores:
            rows.append((row.title, f"{row.side_px} px", _percent(reached[row.title]), *(_written(name, row.figure(name)) for name in shown), f"{row.seconds:.0f}"))
    return _markdown(rows)


def taus(ranking: Ranking, reached: dict[str, list[float]]) -> list[str]:
    """A Markdown table of Kendall's tau between each measure and the mean accuracies: of all, and of those alone that ImageNet has trained."""
    means = {title: statistics.fmean(each) for title, each in reached.items()}
    imagenet = {row.title: means[row.title] for row in ranking.rows if row.title in means and row.backbone["weights"] == "imagenet"}
    columns = [{each.measure: each for each in agreements(ranking, chosen)} for chosen in (means, imagenet)]
    rows = [("measure", f"tau, {len(means)} backbones", f"tau, the {len(imagenet)} of ImageNet")]
    for name, measure in MEASURES.items():
        cells = [f"{found[name].tau:.2f}" if name in found and found[name].tau is not None else "–" for found in columns]
        cells[0] += f" ({columns[0][name].backbones} of them)" if name in columns[0] and columns[0][name].backbones < len(means) else ""
        if set(cells) != {"–"}:
            rows.append((measure.title, *cells))
    return _markdown(rows)


def _percent(shares: Sequence[float]) -> str:
    spread = f" ± {100 * statistics.stdev(shares):.2f}" if len(shares) > 1 else ""
    return f"{100 * statistics.fmean(shares):.2f}{spread}"


def _written(measure: str, value: float | None) -> str:
    if value is None:
        return "–"
    if measure == "params":
        return f"{value / 1e6:.2f} M"
    return f"{100 * value:.1f}" if MEASURES[measure].share else f"{value:.3f}"


def _markdown(rows: Iterable[Sequence[str]]) -> list[str]:
    head, *body = rows
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *body)]


if __name__ == "__main__":
    sys.exit(main())
