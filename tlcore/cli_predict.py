"""The command line's predictions: pictures, and ZIPs of them, put to a finished run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tlcore.answers import COVERAGE, answers_table, verdict_document
from tlcore.datasets.zipped import ZippedPictures
from tlcore.errors import InputError
from tlcore.grounds import Grounds
from tlcore.predict import Answer, File, Model, predict
from tlcore.store import Store
from tlcore.tables import to_csv
from tlcore.workspace import Workspace

RUN = "run"
Outcome = tuple[int, dict[str, Any], str]


def add_command(command: Callable[..., argparse.ArgumentParser]) -> None:
    asked = command("predict", predict_images, "Classify pictures with a finished run.")
    asked.add_argument("id", type=int)
    asked.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="pictures, or ZIPs of them")
    asked.add_argument("--coverage", type=_share, default=COVERAGE, help=f"how often the possible classes shall hold the true one; {COVERAGE} unless told otherwise")
    asked.add_argument("--csv", type=Path, metavar="FILE", help="write one row a picture there")


def predict_images(options: argparse.Namespace) -> Outcome:
    from tlcore.cli_runs import find_run
    from tlcore.nn import inference

    workspace = Workspace.from_env().create()
    folder = workspace.run(find_run(Store.open(workspace), options.id).id)
    model = Model(inference.load(folder), Grounds.of(folder))
    answers = list(predict({RUN: model}, _files(options.images), kept_px=1))
    rows: list[dict[str, Any]] = []
    for answer in answers:
        if answer.error is not None:
            print(f"tlcore: {answer.error}", file=sys.stderr)
            rows.append({"file": answer.file, "error": answer.error})
        else:
            rows.append({"file": answer.file, **verdict_document(answer.verdicts[RUN], model.grounds, options.coverage)})
    if options.csv:
        _write(options.csv, to_csv(answers_table(answers, {RUN: model.grounds}, options.coverage)))
    document = {"run": options.id, "coverage": options.coverage, "temperature": model.grounds.temperature, "not_told": list(model.grounds.missing), "predictions": rows}
    return (2 if any("error" in row for row in rows) else 0), document, "\n".join(map(_in_words, (answer for answer in answers if not answer.error)))


def _in_words(answer: Answer) -> str:
    verdict = answer.verdicts[RUN]
    return f"{answer.file}: {verdict.answer} ({verdict.confidence:.1%})" + (", but unlike anything it was trained on" if verdict.unlike else "")


def _files(paths: Sequence[Path]) -> Iterator[File]:
    """Names and contents, read when their turn comes: a thousand photographs don't fit into memory together."""
    for path in paths:
        try:
            if path.suffix.lower() == ".zip":
                yield from ZippedPictures(path, path.name).files()
            else:
                yield str(path), path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: can't be read ({error.strerror}). Give the path of a picture.") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror}). Give the path of a file.") from None


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1")
    return value
