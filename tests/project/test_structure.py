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


PLANTED = [
    ("pathways/step.py", "from pathline_gateway.pull import restricted"),
    ("web/problem.py", "from pathline_gateway.auth import caller"),
    ("handoffs/silence.py", "import asyncpg"),
    ("visibility/policy.py", "from pathline_gateway.visibility import repository"),
]

FOUND = [
    "pathline_gateway.pathways is not allowed to import pathline_gateway.pull",
    "pathline_gateway.web is not allowed to import pathline_gateway.auth",
    "handoffs.silence says that it is pure: pathline_gateway.handoffs.silence -> asyncpg",
    "policy says that it is pure: pathline_gateway.visibility.policy -> pathline_gateway.visibility.repository",
]


def test_each_planted_import_is_found(copy: Path) -> None:
    before = {copy / "gateway/pathline_gateway" / module: "" for module, _ in PLANTED}
    for (_, line), path in zip(PLANTED, before, strict=True):
        before[path] = path.read_text()
        path.write_text(f"{before[path]}\n\n{line}\n")
    try:
        done = linted(copy)
    finally:
        for path, text in before.items():
            path.write_text(text)
    assert done.returncode == 1, done.stdout
    for says in FOUND:
        assert says in " ".join(done.stdout.split())


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
