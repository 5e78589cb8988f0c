"""One Postgres for a whole test session, and in it a database of its own, with the schema, for whoever asks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from pathline_gateway.embedded.database import at_rest
from pathline_gateway.store.migrate import migrate
from pathline_gateway.store.partitions import ensure_partitions

_numbers = itertools.count(1)

# Deleting the few rows of an example takes milliseconds; truncating every table, or a new database, takes a second.
_EMPTY = """
set session_replication_role = replica;
delete from change; delete from membership; delete from link_evidence; delete from amendment; delete from evidence;
delete from interaction; delete from event_identity; delete from parked; delete from consumer_position;
delete from expired_records; delete from log_epoch; delete from subject_ref; delete from source; delete from event_type;
delete from organisation;
delete from link_component; delete from link_seen_ahead; delete from link_component_share; delete from proposal_count;
update tally set n = 0; update membership_progress set seq = 0;
"""


class Server:
    """A running Postgres, with a template that has the schema."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._named: set[str] = set()

    @asynccontextmanager
    async def emptied(self, name: str) -> AsyncIterator[str]:
        """The DSN of the database of this name, empty: for the examples of a property, where a new one is slow."""
        if name not in self._named:
            await self._run(f"create database {name} template prepared")
            self._named.add(name)
        dsn = self.dsn.replace("@/pathline?", f"@/{name}?")
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_EMPTY)
        finally:
            await connection.close()
        yield dsn

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """The DSN of an empty database of this version; it is dropped afterwards."""
        name = f"test_{next(_numbers)}"
        await self._run(f"create database {name} template prepared")
        try:
            yield self.dsn.replace("@/pathline?", f"@/{name}?")
        finally:
            await self._run(f"drop database {name} with (force)")

    async def prepare(self) -> None:
        await self._run("create database prepared")
        connection = await asyncpg.connect(self.dsn.replace("@/pathline?", "@/prepared?"))
        await migrate(connection)
        await ensure_partitions(connection)
        await connection.close()

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def server(data: Path) -> Iterator[Server]:
    """It runs as long as the block; enter it on the main thread, which its children live with."""
    with asyncio.Runner() as runner:
        running = at_rest(data)
        found = Server(runner.run(running.__aenter__()))
        try:
            runner.run(found.prepare())
            yield found
        finally:
            runner.run(running.__aexit__(None, None, None))
