"""Each tutorial, followed to the letter against a running gateway: its files, its commands, and what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.gateways.process import Gateway, running
from support.repository import ROOT

TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
PATIENCE_S = 120.0
ADDRESS = "http://127.0.0.1:8080"


class Block(NamedTuple):
    """A piece of code of a page: `bash` is run, `text` is what the last one printed, a title is a file's name."""

    language: str
    title: str | None
    code: str


def blocks(page: str) -> list[Block]:
    fences = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', page, re.DOTALL | re.MULTILINE)
    return [Block(language, title or None, code) for language, title, code in fences]


def script(blocks: list[Block], places: Path) -> str:
    """One shell that follows the page: variables last from one block to the next, and each one's output is kept."""
    lines = ["set -eu"]
    for n, block in enumerate(blocks):
        if block.title is not None:
            (places / f"file-{n}").write_text(block.code)
            lines.append(f"cp {places}/file-{n} {block.title}")
        elif block.language == "bash":
            lines.append(f"{{\n{block.code}}} > {places}/out-{n}")
    return "\n".join(lines)


def printed(expected: str) -> re.Pattern[str]:
    """`…` stands for anything."""
    return re.compile(".*?".join(re.escape(part) for part in expected.strip().split("…")), re.DOTALL)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def test_there_are_tutorials_and_each_shows_what_it_prints() -> None:
    assert len(TUTORIALS) >= 3
    for page in TUTORIALS:
        languages = {block.language for block in blocks(page.read_text())}
        assert {"bash", "text"} <= languages <= {"bash", "text", "python", "csv", "console"}, page.name


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: install it")
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_says(page: Path, gateway: Gateway, tmp_path: Path) -> None:
    places, folder = tmp_path / "places", tmp_path / "folder"
    places.mkdir()
    folder.mkdir()
    steps = blocks(page.read_text().replace(ADDRESS, f"http://127.0.0.1:{gateway.port}"))
    ran = subprocess.run(
        ["bash", "-c", script(steps, places)],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    last = None
    for n, block in enumerate(steps):
        if block.language == "bash":
            last = n
        elif block.language == "text":
            out = (places / f"out-{last}").read_text().strip()
            assert printed(block.code).fullmatch(out), f"{out}\n\nis not\n\n{block.code}"
