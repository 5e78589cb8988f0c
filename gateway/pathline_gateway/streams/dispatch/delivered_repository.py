"""The events that subscriptions were given, with all that is stored of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.streams.subscriptions.repository import Numbered

_COLUMNS = """
select g.subscription, g.number, src.source, g.id, s.org, s.subject, s.anchor_id,
    coalesce(m.pathway, s.anchor_id) as pathway, t.type, i.time, i.sequence, i.payload, s.id as ref,
    n.kind, n.handoff, n.stage, n.due_at, n.sender, n.receiver, n.offer_ref, n.answered_at, n.audience, n.raised_at,
    not exists (
        select from membership o join subject_ref other on other.id = o.ref
        where o.pathway = coalesce(m.pathway, s.anchor_id) and o.valid_until is null and o.ref <> s.id
            and other.org = s.org
    ) as only_one, exists (
        select from delivery_marker w where w.subscription = g.subscription and w.number = g.number
    ) as kept_back
"""
# Not by the view `ref_pathway`: joined with it, so many tables are not all put in order by the planner.
_JOINS = """
join source src on src.id = g.source
left join event_identity k on k.source = g.source and k.id = g.id
left join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
left join event_type t on t.id = i.type
left join handoff_notice n on n.id = g.id and src.source = 'urn:pathline:pathline:watchdog'
join subject_ref s on s.id = coalesce(i.ref, n.offer_ref)
left join membership m on m.ref = s.id and m.valid_until is null
"""
# Numbers have no gap: so many after a number end at a number.
_RANGE = """
from (
    select b.subscription, e.number, e.source, e.id
    from delivery_batch b
    cross join lateral (
        select b.first_number + u.place - 1 as number, u.source, u.id
        from unnest(b.sources, b.ids) with ordinality as u(source, id, place)
    ) e
    where b.subscription = $1 and b.last_number > $2 and b.first_number <= $2 + $3
        and e.number > $2 and e.number <= $2 + $3
) g
"""
_AFTER = _COLUMNS + _RANGE + _JOINS + "order by g.number"
# One row of the list finds one event, by primary key, and that one of everything else.
_LIST = """
from (
    select w.subscription, w.number, d.source, d.id
    from unnest($1::uuid[], $2::bigint[]) as w(subscription, number)
    cross join lateral delivery_at(w.subscription, w.number) d
) g
"""
_BY_NUMBER = _COLUMNS + _LIST + _JOINS + "order by g.subscription, g.number"
_OF_REFS = """
from (
    select subscription, -seq as number, source, id from delivery_pending where ref = any($1::bigint[])
    order by seq limit 100
) as g
"""
_OWED = _COLUMNS + _OF_REFS + _JOINS
# No transaction lasts an hour: what was given with an event, or after it, was given later than an hour before it came.
_NUMBER_OF = """
select b.first_number + e.place - 1
from source s
left join event_identity k on k.source = s.id and k.id = $3
left join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
join delivery_batch b on b.subscription = $1
    and b.delivered_at >= coalesce(i.received_at, '-infinity') - interval '1 hour' and $3 = any(b.ids)
cross join lateral unnest(b.sources, b.ids) with ordinality as e(source, id, place)
where s.source = $2 and e.source = s.id and e.id = $3
order by 1 limit 1
"""
_IDENTITY = "select source, id from delivery_at($1, $2)"
_DELIVERED_AT = "select delivered_at from delivery_at($1, $2)"


async def fetch_after(connection: asyncpg.Connection, id: UUID, after: int, limit: int) -> list[asyncpg.Record]:
    """What this subscription was given after this number, with what is stored of it."""
    return list(await connection.fetch(_AFTER, id, after, limit))


async def fetch_by_number(
    connection: asyncpg.Connection, numbers: Collection[Numbered]
) -> dict[Numbered, asyncpg.Record]:
    """What subscriptions were given under these numbers, with what is stored of it, in order."""
    rows = await connection.fetch(_BY_NUMBER, [id for id, _ in numbers], [number for _, number in numbers])
    return {(row["subscription"], row["number"]): row for row in rows}


async def fetch_owed(connection: asyncpg.Connection, refs: Collection[int]) -> list[asyncpg.Record]:
    """Some of what subscriptions are owed of these refs, with what is stored of it; under no number yet."""
    return list(await connection.fetch(_OWED, list(refs)))


async def find_number(connection: asyncpg.Connection, id: UUID, source: str, event: str) -> int | None:
    """Under which number it was given this event."""
    number: int | None = await connection.fetchval(_NUMBER_OF, id, source, event)
    return number


async def find_delivery_time(connection: asyncpg.Connection, id: UUID, number: int) -> datetime | None:
    """When it was given the event of this number."""
    value: datetime | None = await connection.fetchval(_DELIVERED_AT, id, number)
    return value


async def find_identity(connection: asyncpg.Connection, id: UUID, number: int) -> tuple[int, str] | None:
    """Number of the source, and id, of what it was given under this number."""
    row = await connection.fetchrow(_IDENTITY, id, number)
    return None if row is None else (row["source"], row["id"])
