"""The layers of the gateway, what is pure, and that no two public classes of a distribution have one name."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from support.repository import ROOT

DISTRIBUTIONS = ("contracts/pathline", "gateway/pathline_gateway", "services/pathline_services")


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the distributions in this folder."""
    script = (
        "import sys; sys.path[:0] = ['contracts', 'gateway', 'services', 'tests/project']\n"
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    command = [sys.executable, "-c", script, "--config", "pyproject.toml", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distributions, to plant faults in."""
    folder = tmp_path_factory.mktemp("planted")
    for name in (*DISTRIBUTIONS, "tests/project"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_tree_keeps_its_contracts(copy: Path) -> None:
    done = linted(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "says"),
    [
        ("pathways/step.py", "from pathline_gateway.pull import restricted", "pathline_gateway.pathways"),
        ("web/problem.py", "from pathline_gateway.auth import caller", "pathline_gateway.web"),
        ("handoffs/silence.py", "import asyncpg", "handoffs.silence says that it is pure"),
        ("visibility/policy.py", "from pathline_gateway.visibility import repository", "says that it is pure"),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, line: str, says: str) -> None:
    path = copy / "gateway/pathline_gateway" / module
    before = path.read_text()
    path.write_text(f"{before}\n\n{line}\n")
    try:
        done = linted(copy)
    finally:
        path.write_text(before)
    assert done.returncode == 1, done.stdout
    assert says in done.stdout


def public_classes(folder: Path) -> Counter[str]:
    """How often each public class name is defined."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*.py"):
        found.update(
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        )
    return found


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_no_public_class_name_occurs_twice(distribution: str) -> None:
    assert {name: n for name, n in public_classes(ROOT / distribution).items() if n > 1} == {}
