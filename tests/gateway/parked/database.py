"""Of the Postgres of the run, a database of its own, with the schema, for whoever asks."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from support.postgres.databases import MIGRATED

# Deleting the few rows of an example takes milliseconds; truncating every table, or a new database, takes a second.
_EMPTY = """
set session_replication_role = replica;
delete from change_log; delete from membership; delete from link_evidence; delete from amendment; delete from evidence;
delete from interaction; delete from event_identity; delete from parked; delete from consumer_position;
delete from expired_records; delete from log_epoch; delete from subject_ref; delete from source; delete from event_type;
delete from organisation;
delete from link_component; delete from link_evidence_seen_ahead; delete from link_component_share;
delete from proposal_count;
update row_counters set value = 0; update membership_progress set link_evidence_seq = 0;
"""


class Server:
    """The Postgres of the run, whose template has the schema."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._named: set[str] = set()
        self._mine = secrets.token_hex(6)

    @asynccontextmanager
    async def emptied(self, name: str) -> AsyncIterator[str]:
        """The DSN of the database of this name, empty: for the examples of a property, where a new one is slow."""
        name = f"{name}_{self._mine}"
        if name not in self._named:
            await self._run(f"create database {name} template {MIGRATED} strategy file_copy")
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
        name = f"test_{secrets.token_hex(6)}"
        await self._run(f"create database {name} template {MIGRATED} strategy file_copy")
        try:
            yield self.dsn.replace("@/pathline?", f"@/{name}?")
        finally:
            await self._run(f"drop database {name} with (force)")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
