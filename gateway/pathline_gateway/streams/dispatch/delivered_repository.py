"""The events that subscriptions were given, with all that is stored of them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import asyncpg

from pathline_gateway.streams.subscriptions.repository import Numbered

_COLUMNS = """
select g.subscription, g.number, src.source, g.id, s.org, s.subject, s.anchor_id,
    coalesce(m.pathway, s.anchor_id) as pathway, t.type, i.time, i.recordedtime, i.sequence, i.payload, s.id as ref,
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
_SELECT = _COLUMNS + "from delivery g" + _JOINS
_AFTER = _SELECT + "where g.subscription = $1 and g.number > $2 order by g.number limit $3"
# One row of the list finds one event, by primary key, and that one of everything else.
_BY_NUMBER = (
    _COLUMNS
    + """
from unnest($1::uuid[], $2::bigint[]) as w(subscription, number)
join delivery g on g.subscription = w.subscription and g.number = w.number
"""
    + _JOINS
    + "order by g.subscription, g.number"
)
_OF_REFS = """
from (
    select subscription, -seq as number, source, id from delivery_pending where ref = any($1::bigint[])
    order by seq limit 100
) as g
"""
_OWED = _COLUMNS + _OF_REFS + _JOINS
_NUMBER_OF = """
select g.number from delivery g join source s on s.id = g.source
where g.subscription = $1 and s.source = $2 and g.id = $3
"""


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
