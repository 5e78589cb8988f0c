"""Data directories whose Postgres is initialised and migrated: one is made in a run of tests, others are copies of it.

    initialised_data.py PLACE     makes it

A gateway that starts on a copy does what it does on a restart. What a first start does is proved by the tests of
`embedded` and of `up`, which start with nothing.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path

from pathline_gateway.embedded import postgres
from pathline_gateway.embedded.child_process import children
from support.postgres.databases import Databases
from support.repository import TESTS

PLACE = "PATHLINE_TESTS_INITIALISED"
"""The environment variable that names where the original is; where none is set, every gateway starts with nothing."""


def copy_initialised(data: Path) -> None:
    """`data` is a copy of the original, which is made if nobody has made it yet."""
    if PLACE not in os.environ:
        return
    original = Path(os.environ[PLACE])
    with original.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not original.exists():
            subprocess.run([sys.executable, "-m", "support.initialised_data", original], env=_environment(), check=True)
    subprocess.run(["cp", "-a", original, data], check=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}


async def _make(original: Path) -> None:
    made = original.with_suffix(".new")
    made.mkdir()
    async with children() as started:
        dsn, _ = await postgres.start_postgres(started, made, original.with_suffix(".log"))
        await Databases(dsn).migrated()
    made.rename(original)


if __name__ == "__main__":
    asyncio.run(_make(Path(sys.argv[1])))
