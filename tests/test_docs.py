"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tlcore" / "assets" / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_example_in_the_readme_is_a_valid_run():
    from tlcore.config import load_yaml, parse

    [example] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert parse(load_yaml(example)).name == "cats-dogs-ships"


@pytest.mark.parametrize("example", [path for path in (ROOT / "examples").rglob("*.yaml") if path.name != "study.yaml"], ids=lambda path: path.name)
def test_the_examples_are_valid_runs(example):
    from tlcore.config import read_config

    assert read_config(example).dataset
