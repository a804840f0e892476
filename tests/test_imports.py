"""The layers: which module may import which, and that importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"tensorflow", "keras", "openvino"}
LIGHT_FILES = [p for p in (ROOT / "tlcore").rglob("*.py") if "nn" not in p.relative_to(ROOT).parts]
PAGE_FILES = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]


def imported_modules(path: Path, only_at_import: bool) -> set[str]:
    """Modules that a file imports; with `only_at_import`, not those inside functions."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return names


def test_only_nn_imports_tensor_libraries():
    for path in [*LIGHT_FILES, *PAGE_FILES]:
        roots = {name.split(".")[0] for name in imported_modules(path, only_at_import=True)}
        assert not roots & HEAVY, f"{path.relative_to(ROOT)} imports {roots & HEAVY}"


def test_nn_is_reached_only_from_inside_functions():
    for path in [*LIGHT_FILES, *PAGE_FILES]:
        names = imported_modules(path, only_at_import=True)
        assert not any(n.startswith("tlcore.nn") for n in names), path.relative_to(ROOT)


def test_the_engine_knows_nothing_of_the_pages():
    for path in (ROOT / "tlcore").rglob("*.py"):
        names = imported_modules(path, only_at_import=False)
        roots = {name.split(".")[0] for name in names}
        assert not roots & {"streamlit", "pages", "altair"}, path.relative_to(ROOT)


def test_pages_reach_nn_only_for_prediction():
    for path in PAGE_FILES:
        reached = {n for n in imported_modules(path, only_at_import=False) if n.startswith("tlcore.nn")}
        assert reached <= {"tlcore.nn", "tlcore.nn.inference"} | {n for n in reached if n.startswith("tlcore.nn.inference.")}, path.relative_to(ROOT)


@pytest.mark.parametrize("module", ["tlcore.cli", "tlcore.worker", "tlcore.supervisor", "tlcore.nn.inference"])
def test_importing_loads_no_tensorflow_and_makes_no_files(module, tmp_path):
    code = f"import sys, {module}; sys.exit(bool({{'tensorflow', 'keras'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, check=False
    )
    assert done.returncode == 0
    assert not list(tmp_path.iterdir())


def test_figures_are_computed_without_the_heavy_libraries():
    """Pages import these at first load: SciPy and scikit-learn take a second or two, and are needed for few figures."""
    code = "import sys, tlcore.metrics, tlcore.compare, tlcore.evaluation, tlcore.pareto; sys.exit(bool({'scipy', 'sklearn', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
