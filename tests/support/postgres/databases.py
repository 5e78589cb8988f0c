"""Databases of a running Postgres: each test has its own, a copy of one that was migrated once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

import asyncpg

from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions

MIGRATED = "migrated"
"""The database with the schema of this version, that no test writes in."""

SOCKET = "asked"
"""Where the process of the shared Postgres listens, in its place."""

_copies: list[tuple[str, str]] = []
"""Address and name of those that this process made, and that nobody dropped."""


class Databases:
    """The databases of one server. `dsn` is the address of one of them."""

    def __init__(self, dsn: str, name: str = "pathline") -> None:
        self.dsn, self.name = dsn, name

    def database(self, name: str) -> str:
        """The address of another database of this server."""
        return self.dsn.replace(f"/{self.name}?", f"/{name}?")

    async def copy_of(self, name: str) -> str:
        """The address of a new database that holds what this one does; nobody may be connected to it."""
        return await self.copied(name, f"copy_{secrets.token_hex(6)}")

    async def copied(self, name: str, copy: str) -> str:
        """The same, under this name."""
        # Copying files, not pages through the log: a third of the time, where the disk is not waited for.
        await self.execute(f"create database {copy} template {name} strategy file_copy")
        _copies.append((self.database("postgres"), copy))
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

    async def execute(self, *statements: str) -> None:
        """What belongs to no database."""
        connection = await asyncpg.connect(self.database("postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def drop_copies() -> None:
    """No database that this process made is there any more: hundreds of them would fill the disk."""
    made: dict[str, list[str]] = {}
    while _copies:
        server, name = _copies.pop()
        made.setdefault(server, []).append(name)
    for server, names in made.items():
        asyncio.run(_dropped(server, names))


async def _dropped(server: str, names: Iterable[str]) -> None:
    try:
        connection = await asyncpg.connect(server)
    except OSError:  # a server of a test's own is gone, and its databases with it
        return
    try:
        for name in names:
            await connection.execute(f"drop database if exists {name} with (force)")
    finally:
        await connection.close()
