"""A Postgres of a test's own: the embedded one, started alone, that can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import pytest

from pathline_gateway.embedded.children import Children
from pathline_gateway.embedded.postgres import postgres_started
from pathline_gateway.store.migrate import migrate
from pathline_gateway.store.partitions import ensure_partitions

UNTOUCHED = "untouched"
"""The database with the schema of this version, that no test writes in."""


class OwnPostgres:
    """Postgres on a unix socket. Enter it from the main thread: the server dies with the thread that started it."""

    def __init__(self, place: Path) -> None:
        self._place = place / "postgres"
        self._place.mkdir(parents=True)
        self.dsn = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        asyncio.run(self._children.end())

    @property
    def pid(self) -> int:
        return self._children._all[-1].pid

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._place / "postgres" / ".s.PGSQL.5432"

    def start(self) -> None:
        """It accepts connections, on the data it had."""
        self._children = Children()
        self.dsn, _ = asyncio.run(postgres_started(self._children, self._place, self._place / "log"))

    def kill(self) -> None:
        """SIGKILL to the postmaster and, as it is the leader of its session, to every backend."""
        os.killpg(self.pid, signal.SIGKILL)
        asyncio.run(self._children.end())

    def database(self, name: str) -> str:
        """The address of another database of this server."""
        return self.dsn.replace("/pathline?", f"/{name}?")

    async def copy_of(self, name: str) -> str:
        """The address of a new database that holds what this one does; nobody may be connected to it."""
        return await self.copied(name, f"copy_{secrets.token_hex(6)}")

    async def copied(self, name: str, copy: str) -> str:
        """The same, under this name."""
        connection = await asyncpg.connect(self.database("postgres"))
        try:
            await connection.execute(f"create database {copy} template {name}")
        finally:
            await connection.close()
        return self.database(copy)

    async def migrated(self) -> str:
        """The schema of this version is there; the address."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await migrate(connection)
            await ensure_partitions(connection)
        finally:
            await connection.close()
        return self.dsn


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    """A Postgres with the schema of this version."""
    with OwnPostgres(tmp_path_factory.mktemp("own")) as postgres:
        asyncio.run(postgres.migrated())
        asyncio.run(postgres.copied("pathline", UNTOUCHED))
        yield postgres
