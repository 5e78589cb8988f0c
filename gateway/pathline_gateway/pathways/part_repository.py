"""Parts of a pathway, each found by an index: what decides who sees what, single events, the steps after a place.

None of them costs more where the pathway is longer. Each is read as it was stored: voids and corrections come apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import kind_repository
from pathline_gateway.pathways.repository import PathwayMembers, StoredPathway, stored_pathway_from_records
from pathline_gateway.pathways.step_cursor import StepCursor

_COLUMNS = """
select i.ref, i.source, i.id, i.type, to_json(i.time at time zone 'UTC') as time, i.sequence, i.handoff, i.kind,
    i.payload
"""
# The index is of just these. Of what an earlier version stored its bytes say whether it decides.
_ACCESS_DECIDING_STEPS = (
    _COLUMNS
    + """
from interaction i where i.ref = any($1::bigint[]) and coalesce(i.is_access_deciding, i.handoff is not null
    or position('"mandate"'::bytea in i.payload) > 0 or position('\\x5c75'::bytea in i.payload) > 0)
"""
)
_STEPS_BY_EVENT = (
    _COLUMNS
    + """
from unnest($2::text[], $3::text[]) as k(source, id)
join source src on src.source = k.source
join event_identity e on e.source = src.id and e.id = k.id
join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
where e.ref = any($1::bigint[])
"""
)
_AMENDED_STEPS = (
    _COLUMNS  # noqa: S608
    + """
from (select distinct target_source, target_id from amendment where target_ref = any($1::bigint[])) a
join event_identity e on e.source = a.target_source and e.id = a.target_id
join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
where e.ref = any($1::bigint[]) and ($2::timestamptz is null or i.received_at <= $2)
"""
)
# One look for each, along the index of the ref, from the instant on; corrected contacts come apart.
_FIRST_CONTACTS = (
    "select f.* from unnest($3::text[], $4::timestamptz[], $5::text[]) as w(org, since, handoff)"  # noqa: S608
    " join unnest($1::bigint[], $2::text[]) as r(ref, org) on r.org = w.org cross join lateral ("
    + _COLUMNS
    + """
    from interaction i
    where i.ref = r.ref and i.time >= w.since and i.handoff is not distinct from w.handoff
        and i.type = any(array(select id from event_type where type = any($6::text[])))
        and not exists (select from amendment a where a.target_source = i.source and a.target_id = i.id)
    order by i.time limit 1
) f
"""
)
# The first that came under each of these, of those that nobody voided or corrected.
_FIRST_RECEIVED = (
    "select f.* from unnest($1::bigint[]) r(ref) cross join lateral ("  # noqa: S608
    + _COLUMNS
    + """
    from interaction i where i.ref = r.ref
        and not exists (select from amendment a where a.target_source = i.source and a.target_id = i.id)
    order by i.received_at limit 1
) f
"""
)
# Ref by ref as its index has them, so many and no more; of those at one time, in the order of steps.
_STEPS_AFTER = (
    "select o.* from unnest($1::bigint[]) r(ref) cross join lateral ("  # noqa: S608
    + _COLUMNS
    + """
    from interaction i join source src on src.id = i.source
    where i.ref = r.ref and i.time >= $2::text::timestamptz
        and (i.time, src.source, i.sequence is not null, coalesce(i.sequence, ''), i.id)
            > ($2::text::timestamptz, $3, $4, $5, $6)
        and ($8::timestamptz is null or i.received_at <= $8)
        and not exists (select from amendment a where a.target_source = i.source and a.target_id = i.id)
    order by i.time, src.source, i.sequence is not null, coalesce(i.sequence, ''), i.id limit $7
) o
"""
)
_COUNT = """
select count(*) from interaction i
where i.ref = any($1::bigint[]) and ($2::timestamptz is null or i.received_at <= $2)
"""
_RECEIVED_AT = """
select src.source, i.id, i.received_at from unnest($1::text[], $2::text[]) as k(source, id)
join source src on src.source = k.source
join event_identity e on e.source = src.id and e.id = k.id
join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
"""

Identity = tuple[str, str]
"""Source and id of an event."""


async def load_access_deciding_steps(connection: asyncpg.Connection, members: PathwayMembers) -> StoredPathway:
    """Every step by which it is decided what others may see, and a few besides."""
    return await _to_stored_pathway(
        connection, members, await connection.fetch(_ACCESS_DECIDING_STEPS, members.numbers)
    )


async def load_steps_by_event(
    connection: asyncpg.Connection, members: PathwayMembers, events: Collection[Identity]
) -> StoredPathway:
    """Those of these events that are steps of the pathway."""
    rows = await connection.fetch(_STEPS_BY_EVENT, members.numbers, *_columns(events))
    return await _to_stored_pathway(connection, members, rows)


async def load_amended_steps(
    connection: asyncpg.Connection, members: PathwayMembers, received_by: datetime | None = None
) -> StoredPathway:
    """The steps that were voided or corrected, whenever that was; those received by then."""
    return await _to_stored_pathway(
        connection, members, await connection.fetch(_AMENDED_STEPS, members.numbers, received_by)
    )


async def load_first_contacts(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    requests: Collection[tuple[str, datetime, str | None]],
    types: Collection[str],
) -> StoredPathway:
    """For each (an organisation, since when, which hand-off it names) its first step of these types under each ref."""
    orgs = [org for org, _ in members.refs]
    columns = map(list, zip(*requests, strict=True))
    return await _to_stored_pathway(
        connection, members, await connection.fetch(_FIRST_CONTACTS, members.numbers, orgs, *columns, list(types))
    )


async def load_first_received(
    connection: asyncpg.Connection, members: PathwayMembers, refs: Collection[int]
) -> StoredPathway:
    """What came first under each of these refs, and was not voided or corrected."""
    return await _to_stored_pathway(connection, members, await connection.fetch(_FIRST_RECEIVED, list(refs)))


async def load_steps_after(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    refs: Collection[int],
    cursor: StepCursor | None,
    limit: int,
    received_by: datetime | None = None,
) -> StoredPathway:
    """The next steps under these refs that nobody voided or corrected, in order; those received by then."""
    cursor_values = (cursor.time.isoformat(), *cursor[1:]) if cursor is not None else ("-infinity", "", False, "", "")
    rows = await connection.fetch(_STEPS_AFTER, list(refs), *cursor_values, limit, received_by)
    found = await _to_stored_pathway(connection, members, rows)
    return replace(found, rows=found.rows[:limit])


async def count_interactions(
    connection: asyncpg.Connection, members: PathwayMembers, received_by: datetime | None = None
) -> int:
    """How many interactions there are, voided and corrected ones too."""
    return int(await connection.fetchval(_COUNT, members.numbers, received_by))


async def received_at_of(connection: asyncpg.Connection, events: Collection[Identity]) -> dict[Identity, datetime]:
    """When each of these events came."""
    rows = await connection.fetch(_RECEIVED_AT, *_columns(events))
    return {(row["source"], row["id"]): row["received_at"] for row in rows}


def _columns(events: Collection[Identity]) -> tuple[list[str], list[str]]:
    return [source for source, _ in events], [id for _, id in events]


async def _to_stored_pathway(
    connection: asyncpg.Connection, members: PathwayMembers, records: Sequence[asyncpg.Record]
) -> StoredPathway:
    names = await organisation_repository.load_names(connection, _numbers(records, "source"), _numbers(records, "type"))
    kinds = await kind_repository.load_kinds(connection, _numbers(records, "kind"))
    return stored_pathway_from_records(records, *names, dict(zip(members.numbers, members.refs, strict=True)), kinds)


def _numbers(records: Iterable[asyncpg.Record], column: str) -> set[int]:
    return {number for record in records if (number := record[column]) is not None}
