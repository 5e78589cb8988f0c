"""A database of its own for each test, on one Postgres for all: a copy of one that was migrated once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from pathline_gateway.embedded import Machine
from pathline_gateway.store.migrate import migrate
from pathline_gateway.store.partitions import ensure_partitions

_LIFE = Path(__file__).parents[1] / "embedded" / "life.py"
_TEMPLATE = "migrated"
_numbers = count()


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
    """A new, migrated and empty database of this machine: its address."""
    connection = await asyncpg.connect(machine.database)
    try:
        if not await connection.fetchval("select exists (select from pg_database where datname = $1)", _TEMPLATE):
            await connection.execute(f"create database {_TEMPLATE}")
            await _made(_address(machine, _TEMPLATE))
        name = f"fresh_{next(_numbers)}"
        await connection.execute(f"create database {name} template {_TEMPLATE}")
    finally:
        await connection.close()
    return _address(machine, name)


async def dropped(machine: Machine, database: str) -> None:
    """This database takes no more room: for tests that need many."""
    connection = await asyncpg.connect(machine.database)
    try:
        await connection.execute(f"drop database {urlsplit(database).path[1:]} with (force)")
    finally:
        await connection.close()


async def _made(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await migrated(connection)
    finally:
        await connection.close()


async def migrated(connection: asyncpg.Connection) -> None:
    """The schema is there, with this month's partitions."""
    await migrate(connection)
    await ensure_partitions(connection)


def _address(machine: Machine, name: str) -> str:
    return urlsplit(machine.database)._replace(path=f"/{name}").geturl()
