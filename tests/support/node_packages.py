"""Packages from npm that tests use, as the lock file has them, in `build/npm`."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from support.repository import ROOT

HERE: Final = Path(__file__).parent / "npm"
BUILD: Final = ROOT / "build/npm"
PATIENCE_S: Final = 180.0


def installed() -> Path:
    """The folder that holds `node_modules`, complete; without Node or a registry a skip, and in CI a failure."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("Node.js is missing: install it (20 or later)")
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete():
            _install()
    return BUILD


def accepted(documents: Sequence[Path]) -> list[dict[str, Any]]:
    """What the official AsyncAPI parser makes of each of these documents; it takes seconds to start."""
    script = shutil.copy(HERE / "accept.mjs", installed())
    done = subprocess.run(["node", script, *documents], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


def _complete() -> bool:
    stamp = BUILD / "installed.json"
    return stamp.exists() and stamp.read_bytes() == (HERE / "package-lock.json").read_bytes()


def _install() -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, BUILD)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode != 0:
        _missing(f"npm cannot fetch its packages: {done.stderr[-300:]}")
    shutil.copy(HERE / "package-lock.json", BUILD / "installed.json")


def _missing(why: str) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{why}; CI must have it", pytrace=False)
    pytest.skip(why)
