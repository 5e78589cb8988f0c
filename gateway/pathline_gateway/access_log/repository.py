"""The access log: who read what of whom, written in the transaction of the reading."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import asyncpg

from pathline_gateway.access_log.writer import Access

_WRITE = """
insert into access (kind, org, roles, purpose, basis, instrument, mandate, refs, what, outcome, reason, trace_id, quiet,
    who, route, about, caller_trace, hidden_refs)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
_SAID = """
select id, at, kind, org, roles, purpose, basis, instrument, mandate, refs, what, outcome, reason, trace_id, quiet,
    who, route, about, caller_trace, hidden_refs
from access
"""
_OF_REFS = (
    _SAID
    + """
where refs && $1::bigint[] and id < $2 and not quiet and at > $4
  and (org is null or not exists (select from organisation o where o.org = access.org and o.conceals))
order by id desc limit $3
"""
)
_ALL = _SAID + "where id < $1 order by id desc limit $2"
_FORGET = "select forget_old_accesses()"
_REFS_OF_HANDOFFS = """
select distinct i.handoff, i.ref from interaction i where i.handoff = any($1::text[])
"""
LAST = 2**63 - 1
"""After every number."""


class Logged(NamedTuple):
    """An access, with its number and when it was."""

    id: int
    at: datetime
    access: Access


async def write(connection: asyncpg.Connection, access: Access) -> None:
    """The access is in the log once this transaction is committed."""
    await connection.execute(_WRITE, *access)


async def of_refs(
    connection: asyncpg.Connection, refs: Collection[int], before: int, limit: int, since: datetime
) -> list[Logged]:
    """The latest accesses to any of these refs, before this number, that the person may be told."""
    return _logged(await connection.fetch(_OF_REFS, list(refs), before, limit, since))


async def everything(connection: asyncpg.Connection, before: int, limit: int) -> list[Logged]:
    """The latest accesses before this number."""
    return _logged(await connection.fetch(_ALL, before, limit))


async def forget(connection: asyncpg.Connection) -> None:
    """What is older than the log is kept is gone."""
    await connection.execute(_FORGET)


async def refs_of_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> dict[str, set[int]]:
    """Whom each of these hand-offs is about, as those know her who published of it."""
    found: dict[str, set[int]] = {}
    for row in await connection.fetch(_REFS_OF_HANDOFFS, list(handoffs)):
        found.setdefault(row["handoff"], set()).add(row["ref"])
    return found


def _logged(rows: list[asyncpg.Record]) -> list[Logged]:
    return [Logged(id, at, Access(*said)) for id, at, *said in (row.values() for row in rows)]
