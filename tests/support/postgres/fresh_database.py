"""A database of its own for each test, on one Postgres for all: a copy of one that was migrated once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from pathline_gateway.embedded import Machine
from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from support.postgres.databases import MIGRATED, Databases

_LIFE = Path(__file__).with_name("machine_process.py")


@contextmanager
def machine_running(data: Path) -> Iterator[Machine]:
    """A Postgres in a process of its own, which ends with the block."""
    process = subprocess.Popen((sys.executable, str(_LIFE), str(data)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the embedded machine did not start"
        yield Machine(**json.loads(line))
    finally:
        process.terminate()
        process.communicate(timeout=30)


async def fresh_database(machine: Machine) -> str:
    """A new, migrated and empty database of the run's Postgres: its address."""
    return await Databases(machine.database).copy_of(MIGRATED)


async def drop_database(machine: Machine, database: str) -> None:
    """This database takes no more room: for tests that need many."""
    connection = await asyncpg.connect(machine.database)
    try:
        await connection.execute(f"drop database {urlsplit(database).path[1:]} with (force)")
    finally:
        await connection.close()


async def migrated(connection: asyncpg.Connection) -> None:
    """The schema is there, with this month's partitions."""
    await migrate(connection)
    await ensure_partitions(connection)
