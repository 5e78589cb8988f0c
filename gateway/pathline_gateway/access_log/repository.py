"""The access log: who read what of whom, written in the transaction of the reading."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.access_log.access import Access

INSERT_SELECTED: Final = """
insert into access (kind, org, roles, purpose, basis, instrument, mandate, refs, action, outcome, reason, trace_id,
    is_hidden_from_person, actor_digest, route, action_target, caller_trace_id, hidden_refs)
select $1::text, $2::text, $3::text[], $4::text, $5::text, $6::text, $7::text, $8::bigint[], $9::text, $10::text,
    $11::text, $12::bytea, $13::boolean, $14::text, $15::text, $16::text, $17::bytea, $18::bigint[]
"""
"""Writes an access, whose fields are the first eighteen parameters; a condition may follow."""
_SELECT = """
select id, accessed_at, kind, org, roles, purpose, basis, instrument, mandate, refs, action, outcome, reason, trace_id,
    is_hidden_from_person, actor_digest, route, action_target, caller_trace_id, hidden_refs
from access
"""
_SELECT_BY_REFS = (
    _SELECT
    + """
where refs && $1::bigint[] and id < $2 and not is_hidden_from_person and accessed_at > $4
  and (org is null or not exists (select from organisation o where o.org = access.org and o.conceals))
order by id desc limit $3
"""
)
_SELECT_ALL = _SELECT + "where id < $1 order by id desc limit $2"
_DELETE_EXPIRED = "select forget_old_accesses()"
_REFS_OF_HANDOFFS = """
select distinct i.handoff, i.ref from interaction i where i.handoff = any($1::text[])
"""
MAX_ID = 2**63 - 1
"""After every number."""


class LoggedAccess(NamedTuple):
    """An access, with its number and when it was."""

    id: int
    at: datetime
    access: Access


async def write(connection: asyncpg.Connection, access: Access) -> None:
    """The access is in the log once this transaction is committed."""
    await connection.execute(INSERT_SELECTED, *access)


async def find_by_refs(
    connection: asyncpg.Connection, refs: Collection[int], before_id: int, limit: int, since: datetime
) -> list[LoggedAccess]:
    """The latest accesses to any of these refs, before this number, that the person may be told."""
    return _to_logged(await connection.fetch(_SELECT_BY_REFS, list(refs), before_id, limit, since))


async def list_all(connection: asyncpg.Connection, before_id: int, limit: int) -> list[LoggedAccess]:
    """The latest accesses before this number."""
    return _to_logged(await connection.fetch(_SELECT_ALL, before_id, limit))


async def delete_expired(connection: asyncpg.Connection) -> None:
    """What is older than the log is kept is gone."""
    await connection.execute(_DELETE_EXPIRED)


async def refs_of_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> dict[str, set[int]]:
    """Whom each of these hand-offs is about, as those know her who published of it."""
    refs_by_handoff: dict[str, set[int]] = {}
    for row in await connection.fetch(_REFS_OF_HANDOFFS, list(handoffs)):
        refs_by_handoff.setdefault(row["handoff"], set()).add(row["ref"])
    return refs_by_handoff


def _to_logged(rows: list[asyncpg.Record]) -> list[LoggedAccess]:
    return [LoggedAccess(id, at, Access(*columns)) for id, at, *columns in (row.values() for row in rows)]
