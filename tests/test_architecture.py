"""Imports follow the data's way, and the statistics stay free of torch."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "probatum"
NO_TORCH = {"torch", "transformers", "peft", "accelerate"}
# A package may import only packages to its left, beside errors, artifacts and study.
ORDER = ["data", "prompt", "model", "scoring", "training", "metrics", "verdict", "report"]
ALWAYS = {"errors", "artifacts", "study", "yaml_file", "__init__", "notebook"}  # notebook: how a verdict shows itself
SHARED = {"model", "scoring", "training"}  # packages whose work several processes may share
METRICS_ONLY = {"numpy", "scipy", "sklearn", "probatum", *sys.stdlib_module_names}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def modules(package: str) -> list[Path]:
    return sorted((SRC / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["data", "metrics", "verdict", "report"])
def test_packages_that_never_import_torch(package):
    for path in modules(package):
        assert not {name.split(".")[0] for name in imports(path)} & NO_TORCH, path


def test_metrics_know_numpy_scipy_and_sklearn_only():
    for path in modules("metrics"):
        assert {name.split(".")[0] for name in imports(path)} <= METRICS_ONLY, path


@pytest.mark.parametrize("package", ORDER)
def test_imports_follow_the_way_of_the_data(package):
    allowed = set(ORDER[: ORDER.index(package) + 1]) | ALWAYS | ({"crew"} if package in SHARED else set())
    for path in modules(package):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("probatum.")}
        assert used <= allowed, f"{path} imports {used - allowed}"


def test_help_does_not_import_torch():
    code = "import sys, probatum.cli; print('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(SRC.parent)}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert told.stdout.strip() == "False"
