"""Where a finished run's model is weak, in sentences: of its figures, of the pictures it was judged by, and of what they can't tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlcore.confusions import worst_pairs
from tlcore.evaluation import Evaluation
from tlcore.results import PICTURES

FEW_PICTURES = 20  # Of a class: with fewer the interval of its recall is some 40 points wide.
MOST_NAMED = 8


def limits(found: Evaluation, findings: Mapping[str, Any] | None, seen_before: Sequence[str] = ()) -> list[str]:
    """Sentences in plain text, the most important first.

    findings: as of `run_findings.findings`; None where the datasets are gone. seen_before: what the backbone had
    been trained on that is the very data of this run. Names of classes stand in them as they are.
    """
    return [
        f"It knows {len(found.predictions.classes)} classes and nothing else: a picture of anything else gets one of them, often with a high probability.",
        *(f"Its backbone had been trained on {name} itself, so these figures say little about transfer." for name in seen_before),
        *_weak_classes(found),
        *_confusions(found),
        *(_of_findings(found, findings) if findings else []),
    ]


def _weak_classes(found: Evaluation) -> list[str]:
    table, mean = found.per_class, float(found.figures["balanced_accuracy"] or 0)
    weak = table[table["recall_high"] < mean].sort_values("recall", kind="stable")
    few = table[table["support"] < FEW_PICTURES]
    said = []
    if len(weak):
        names = _listed([f"{row['class']} ({row['recall']:.0%})" for _, row in weak.iterrows()])
        said.append(f"Surely less often recognised than the mean class ({mean:.0%}): {names}.")
    if len(few):
        names = _listed([f"{row['class']} ({row['support']})" for _, row in few.iterrows()])
        said.append(f"Judged by fewer than {FEW_PICTURES} {PICTURES[found.predictions.split]}, so little is known of them: {names}.")
    return said


def _confusions(found: Evaluation) -> list[str]:
    pairs = worst_pairs(found.predictions, 3)
    told = [f"{row['true']} for {row['predicted']} ({row['count']} times, {row['share']:.0%} of its pictures)" for _, row in pairs.iterrows()]
    return [f"Taken for each other most often: {_listed(told)}."] if told else []


def _of_findings(found: Evaluation, findings: Mapping[str, Any]) -> list[str]:
    said = list(findings["learning"]["in_words"])
    changed = findings["data"]["learnt_to_tested"]
    if changed and changed["beyond_chance"]:
        said.append(
            f"The classes' shares differ between what it learnt from and what it was judged by, most of all {changed['largest']}: "
            f"{changed['share_before']:.0%} and {changed['share_after']:.0%}."
        )
    seen = findings["duplicates"].get(found.predictions.split, {}).get("equal")
    if seen and seen["pictures"] and seen["without_them"]:
        said.append(f"{seen['pictures']:,} of the {PICTURES[found.predictions.split]} are among those that it has seen in training; without them its accuracy is {seen['without_them']['accuracy']:.1%}.")
    errors = findings["label_errors"]
    if errors and errors["suspects"]:
        said.append(f"{errors['suspects']:,} of the dataset's {errors['pictures']:,} pictures probably have a wrong label.")
    return said


def _listed(names: Sequence[str]) -> str:
    """`a, b and 3 more`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
