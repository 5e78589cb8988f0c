"""What was said of silence, and of which hand-offs something is to be said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from pathline_gateway.handoff.silence import SOURCE, Notice

# `least` of what is known of the shared topics and of the receiver's own. Each that is found is spoken of at once, or
# set aside, so that a page is never full of what has to wait. Of what stands aside as it stood nothing is said, and
# nothing of a pathway that is closed. That a silence is over is said after what ended it was given: not before the
# token that came with that is looked at.
_SILENT = """
with own as (select * from unnest($3::text[], $4::timestamptz[]) as o(org, until))
select h.handoff, least($1, o.until) as until
from handoff h
join organisation r on r.org = h.receiver
left join own o on o.org = h.receiver
where h.answered_accept is null and h.known_accept <= h.due_accept and h.due_accept + $2 < least($1, o.until)
    and not exists (select from handoff_notice n where n.handoff = h.handoff and n.stage = 'accept'
        and n.due = h.due_accept and n.kind = 'silent')
    and not exists (select from set_aside a where a.key = h.handoff
        and (a.work = 'hand-offs' or a.work = 'silence' and a.retry_at > now()))
    and (h.ref = any($5::bigint[])) is not true
union
select h.handoff, least($1, o.until)
from handoff h
join organisation r on r.org = h.receiver
left join own o on o.org = h.receiver
where h.answered_contact is null and h.known_contact <= h.due_contact and h.due_contact + $2 < least($1, o.until)
    and not exists (select from handoff_notice n where n.handoff = h.handoff and n.stage = 'contact'
        and n.due = h.due_contact and n.kind = 'silent')
    and not exists (select from set_aside a where a.key = h.handoff
        and (a.work = 'hand-offs' or a.work = 'silence' and a.retry_at > now()))
    and (h.ref = any($5::bigint[])) is not true
limit 500
"""
_SPOKEN_OF = """
select kind, handoff, stage, due, sender, receiver, ref, answered from handoff_notice
where handoff = any($1::text[]) and kind = 'silent'
"""
_OVER = """
select n.kind, n.handoff, n.stage, n.due, n.sender, n.receiver, n.ref, n.answered
from handoff_notice n
left join handoff h on h.handoff = n.handoff
where n.open and (h.handoff is null
    or case n.stage when 'accept' then h.answered_accept else h.answered_contact end is not null
    or case n.stage when 'accept' then h.due_accept else h.due_contact end is distinct from n.due)
    and not exists (select from set_aside a where a.key = n.handoff
        and (a.work = 'hand-offs' or a.work = 'silence' and a.retry_at > now()))
    and not n.ref = any($1::bigint[])
    and not exists (
        select from handoff_input k, membership_progress p where k.handoff = n.handoff and k.seq > p.handoff_seq
    )
limit 500
"""
_RAISE = """
insert into handoff_notice (id, kind, handoff, stage, due, sender, receiver, ref, answered, raised_at, open)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::boolean[])
"""
_CLOSE = """
update handoff_notice n set open = false
from unnest($1::text[], $2::text[], $3::timestamptz[]) as c(handoff, stage, due)
where n.handoff = c.handoff and n.stage = c.stage and n.due = c.due and n.kind = 'silent'
"""
_SOURCE = """
insert into source (source, org) values ($1, 'pathline') on conflict (source) do update set source = excluded.source
returning id
"""
_OPEN = "select handoff from open_handoff where handoff = any($1::text[])"
_HANDED_OUT = "select (select seq from dispatch_progress) >= (select seq from handoff_progress)"
_PATHWAYS = """
select s.id, coalesce(m.pathway, s.birth) as pathway
from subject_ref s left join membership m on m.ref = s.id and m.until is null where s.id = any($1::bigint[])
"""


async def to_be_said(
    connection: asyncpg.Connection,
    door: datetime,
    own: Mapping[str, datetime],
    grace: timedelta,
    closed: Collection[int] = (),
) -> dict[str, datetime]:
    """Hand-offs of which silence has to be said, and up to when their receiver is known.

    `door`: up to when what comes by the shared topics is known; `own`: the same of organisations with their own topic;
    `closed`: refs of pathways of which nothing is told now.
    """
    rows = await connection.fetch(_SILENT, door, grace, list(own), list(own.values()), list(closed))
    return {row["handoff"]: row["until"] for row in rows}


async def spoken_of(connection: asyncpg.Connection, handoffs: Sequence[str]) -> list[Notice]:
    """The silences that were ever said of these."""
    return [Notice(*row.values()) for row in await connection.fetch(_SPOKEN_OF, handoffs)]


async def over(connection: asyncpg.Connection, closed: Collection[int] = ()) -> list[Notice]:
    """Silences that are over; `closed` as above."""
    return [Notice(*row.values()) for row in await connection.fetch(_OVER, list(closed))]


async def raise_them(
    connection: asyncpg.Connection, notices: Sequence[Notice], ids: Sequence[str], at: datetime
) -> None:
    """These are said."""
    columns = map(list, zip(*notices, strict=True))
    still = [notice.kind == "silent" for notice in notices]
    await connection.execute(_RAISE, list(ids), *columns, [at] * len(notices), still)
    ended = [n for n in notices if n.kind == "answered"]
    if ended:
        await connection.execute(_CLOSE, [n.handoff for n in ended], [n.stage for n in ended], [n.due for n in ended])


async def open_ones(connection: asyncpg.Connection, handoffs: Sequence[str]) -> set[str]:
    """Those of these that others than their own sides may know of."""
    return {row["handoff"] for row in await connection.fetch(_OPEN, handoffs)}


async def handed_out(connection: asyncpg.Connection) -> bool:
    """Whether subscriptions were given everything that hand-offs are told from."""
    return bool(await connection.fetchval(_HANDED_OUT))


async def source(connection: asyncpg.Connection) -> int:
    """The number of the source under which they are said."""
    return int(await connection.fetchval(_SOURCE, SOURCE))


async def pathways(connection: asyncpg.Connection, refs: Sequence[int]) -> dict[int, UUID]:
    """The pathways that these refs are on now."""
    return {row["id"]: row["pathway"] for row in await connection.fetch(_PATHWAYS, refs)}
