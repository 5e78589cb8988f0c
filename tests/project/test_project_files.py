"""The files around the code say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.repository import ROOT

PROJECTS = ("pyproject.toml", "contracts/pyproject.toml", "gateway/pyproject.toml", "services/pyproject.toml")
MARKDOWN = sorted(p for p in ROOT.rglob("*.md") if not {".venv", ".tools", "build", "node_modules"} & {*p.parts})
MODULES = sorted(p for folder in ("contracts", "gateway", "services") for p in (ROOT / folder).rglob("*.py"))
LONGEST = 500


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def script_requires(script: Path) -> list[str]:
    """What a script with an environment of its own names at its top."""
    block = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", script.read_text())
    if block is None:
        return []
    return list(tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE)).get("dependencies", []))


def required() -> set[str]:
    """Every package that a project of ours names, less our own."""
    wanted: list[str] = []
    for name in PROJECTS:
        project = tomllib.loads((ROOT / name).read_text())
        table = project["project"]
        groups = [table.get("dependencies", []), *table.get("optional-dependencies", {}).values()]
        for group in [*groups, *project.get("dependency-groups", {}).values()]:
            wanted += group
    for script in sorted((ROOT / "tests").rglob("*.py")):
        wanted += script_requires(script)
    names = {re.split(r"[\[<>=;~ ]", each, maxsplit=1)[0] for each in wanted}
    return {each for each in names if not each.startswith("pathline")}


def test_every_dependency_has_its_reason_and_no_reason_is_left_over() -> None:
    text = (ROOT / "docs/dependencies.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    named = {name.strip() for row in rows for name in row.split(",")} - {"package"}
    assert named == required()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in MARKDOWN for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert {"demo", "test"} <= named
    assert named <= targets


@pytest.mark.parametrize("room", ["contracts", "gateway", "services"])
def test_a_room_names_what_is_there_and_all_that_is_there(room: str) -> None:
    text = (ROOT / room / "README.md").read_text()
    (package,) = (p for p in (ROOT / room).iterdir() if (p / "__init__.py").exists())
    there = {p.name for p in package.iterdir() if p.suffix == ".py" or (p.is_dir() and any(p.glob("*.py")))}
    there -= {"__init__.py", "__main__.py", "testing.py"}
    assert {name for name in there if f"{name}" not in text} == set()


def test_no_module_is_longer_than_one_can_read() -> None:
    assert {p.name: n for p in MODULES if (n := len(p.read_text().splitlines())) > LONGEST} == {}


def test_no_file_names_a_place_on_somebody_s_machine() -> None:
    place = re.compile(rb"/(?:home|root|work|Users)/")
    mine = Path(__file__)
    named = [path for path in tracked() if path != mine and place.search(path.read_bytes())]
    assert named == []


def test_migrations_lock_nothing_that_is_in_use() -> None:
    files = sorted((ROOT / "gateway/pathline_gateway/migrations").glob("*.sql"))
    assert files
    done = subprocess.run(
        [Path(sys.executable).with_name("squawk"), *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_contracts_alone_bring_pydantic_and_nothing_else(tmp_path: Path) -> None:
    uv = next(p for p in (ROOT / ".tools/bin/uv", Path("uv")) if p.exists() or p.name == str(p))

    def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)

    built = run(uv, "build", "--wheel", "--package", "pathline", "--out-dir", tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    python = tmp_path / "clean/bin/python"
    assert run(uv, "venv", "--python", sys.executable, tmp_path / "clean").returncode == 0
    installed = run(uv, "pip", "install", "--python", python, wheel)
    assert installed.returncode == 0, installed.stderr
    listed = run(uv, "pip", "list", "--python", python, "--format", "freeze").stdout.split()
    names = {line.split("==")[0].split("@")[0] for line in listed}
    of_pydantic = {"pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection"}
    assert names == {"pathline"} | of_pydantic
    done = run(python, "-c", "import pathline.vocabulary, pathline.codec.http; print(len(pathline.vocabulary.TYPES))")
    assert int(done.stdout) >= 60, done.stderr
