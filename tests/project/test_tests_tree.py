"""The tests have the folders of the code, and share no code through test modules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.repository import ROOT, TESTS

CODE = {
    "contracts": ROOT / "contracts/pathline",
    "gateway": ROOT / "gateway/pathline_gateway",
    "services": ROOT / "services/pathline_services",
}


@pytest.mark.parametrize("folder", CODE)
def test_each_folder_of_tests_is_one_of_the_code(folder: str) -> None:
    places = {path.parent.relative_to(TESTS / folder) for path in (TESTS / folder).rglob("*.py")}
    assert [place for place in sorted(places) if not (CODE[folder] / place).is_dir()] == []


def imported_modules(path: Path) -> set[str]:
    """The last part of each module that it imports, or imports from."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.rpartition(".")[2] for name in names}


def test_no_test_module_is_imported() -> None:
    modules = list(TESTS.rglob("*.py"))
    tests = {path.stem for path in modules if path.stem.startswith("test_")}
    assert {path.name: found for path in modules if (found := imported_modules(path) & tests)} == {}
