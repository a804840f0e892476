"""What the pages keep is bounded, and their charts go the cheap way: read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "pages"
FILES = sorted(PAGES.rglob("*.py"))
BOUNDS = {"max_entries", "max_size"}
SLOW_CHARTS = {"line_chart", "area_chart", "bar_chart", "scatter_chart", "altair_chart", "plotly_chart", "pyplot"}


def last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def unbounded(source: str) -> Iterator[str]:
    """Caches that may grow for ever, as `line: name`."""
    tree = ast.parse(source)
    imported = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "functools" for alias in node.names}
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    argumentless = {
        id(part.func if isinstance(part, ast.Call) else part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not (node.args.posonlyargs or node.args.args or node.args.kwonlyargs or node.args.vararg or node.args.kwarg)
        for part in node.decorator_list
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        name, call = last_name(node), called.get(id(node))
        given = {keyword.arg: keyword.value for keyword in call.keywords} if call else {}
        if name in ("cache_data", "cache_resource"):
            bounded = any(bound in given and not _is_none(given[bound]) for bound in BOUNDS)
        elif name == "lru_cache":
            size = given.get("maxsize") or (call.args[0] if call and call.args else None)
            bounded = call is None or size is None or not _is_none(size)
        elif name == "cache" and (name in imported if isinstance(node, ast.Name) else last_name(node.value) == "functools"):
            bounded = id(node) in argumentless  # One value in all.
        else:
            continue
        if not bounded:
            yield f"{node.lineno}: {name}"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PAGES)))
def test_every_cache_is_bounded(path):
    assert list(unbounded(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "@st.cache_data\ndef f(x): ...",
        "@st.cache_data(ttl=5)\ndef f(x): ...",
        "@st.cache_resource(max_entries=None)\ndef f(x): ...",
        "@functools.cache\ndef f(x): ...",
        "from functools import cache\n@cache\ndef f(x): ...",
        "@lru_cache(maxsize=None)\ndef f(x): ...",
        "f = st.cache_data(g)",
    ],
)
def test_an_unbounded_cache_is_noticed(source):
    assert len(list(unbounded(source))) == 1


def test_a_bounded_cache_is_left_alone():
    source = "@st.cache_data(max_entries=8, ttl=5)\ndef f(x): ...\n@lru_cache\ndef g(x): ...\n@lru_cache(maxsize=8)\ndef h(x): ...\n@functools.cache\ndef i(): ...\ncache = workspace.cache"
    assert list(unbounded(source)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PAGES)))
def test_charts_are_drawn_from_cached_specifications(path):
    """Altair's checks cost twenty times what `st.vega_lite_chart` with a ready specification does."""
    names = {last_name(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.expr)}
    assert not names & SLOW_CHARTS
