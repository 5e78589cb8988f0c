"""Notices of silence: which were sent, and which are due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.handoffs.open_stages import OpenStages
from pathline_gateway.handoffs.silence import SOURCE, SilenceNotice

# `least` of what is known of the shared topics and of the receiver's own. Each that is found is spoken of at once, or
# set aside, so that a page is never full of what has to wait. Of what stands aside as it stood nothing is said, and
# nothing of a pathway that is closed, or of what the sides may know where that has to be judged again. That a silence
# is over is said after what ended it was given: not before the token that came with that is looked at.
#
# By the indexes of what is waited for: `handoff_waited_…`, `handoff_side_waited_…`. A receiver that conceals is silent
# for nobody but itself, and for those who see everything.
_OVERDUE_STAGE = """
select w.handoff, {audience} as audience, least($1, o.until) as until
from {table} w
join organisation r on r.org = w.receiver
left join own o on o.org = w.receiver
where w.{stage}_answered_at is null and w.{stage}_due_known_at <= w.{stage}_due_at
    and w.{stage}_due_at + $2 < least($1, o.until)
    {sides}
    and not exists (select from handoff_notice n where n.handoff = w.handoff and n.stage = '{stage}'
        and n.due_at = w.{stage}_due_at and n.kind = 'silent' and n.audience = {audience})
    and not exists (select from set_aside a where a.key = w.handoff
        and (a.work = 'hand-offs' or a.work = 'silence' and a.retry_at > now()))
    and not exists (select from handoff_side_pending j where j.handoff = w.handoff)
    and (w.offer_ref = any($5::bigint[])) is not true
"""
_SIDE_CONDITION = "and (w.org = w.sender or w.org = w.receiver) and (not r.conceals or w.org = w.receiver)"
_HANDOFF_TABLE = {"table": "handoff", "audience": "''", "sides": ""}
_SIDE_TABLE = {"table": "handoff_side", "audience": "w.org", "sides": _SIDE_CONDITION}
_UNION_TEMPLATE = """
with own as (select * from unnest($3::text[], $4::timestamptz[]) as o(org, until))
{} union {} union {} union {}
limit 500
"""
_OVERDUE = _UNION_TEMPLATE.format(
    *(
        _OVERDUE_STAGE.format(stage=stage, **of)
        for of in (_HANDOFF_TABLE, _SIDE_TABLE)
        for stage in ("accept", "contact")
    )
)
_SENT_SILENCES = """
select kind, handoff, stage, due_at, sender, receiver, offer_ref, answered_at, audience from handoff_notice
where handoff = any($1::text[]) and kind = 'silent'
"""
# By the index of open notices, and the primary keys of what they are about.
_ENDED_SILENCES = """
select n.kind, n.handoff, n.stage, n.due_at, n.sender, n.receiver, n.offer_ref, n.answered_at, n.audience
from handoff_notice n
left join handoff h on h.handoff = n.handoff and n.audience = ''
left join handoff_side v on v.handoff = n.handoff and v.org = n.audience
where n.is_open and (coalesce(h.handoff, v.handoff) is null
    or case n.stage when 'accept' then coalesce(h.accept_answered_at, v.accept_answered_at)
        else coalesce(h.contact_answered_at, v.contact_answered_at) end is not null
    or case n.stage when 'accept' then coalesce(h.accept_due_at, v.accept_due_at)
        else coalesce(h.contact_due_at, v.contact_due_at) end is distinct from n.due_at)
    and not exists (select from set_aside a where a.key = n.handoff
        and (a.work = 'hand-offs' or a.work = 'silence' and a.retry_at > now()))
    and not exists (select from handoff_side_pending j where j.handoff = n.handoff)
    and not n.offer_ref = any($1::bigint[])
    and not exists (select from unseen_handoff_input k where k.handoff = n.handoff)
limit 500
"""
_OPEN_STAGES = """
select handoff, '' as audience, sender, receiver, offer_ref, accept_due_at, contact_due_at, accept_answered_at,
    contact_answered_at, accept_due_known_at, contact_due_known_at
from handoff where handoff = any($1::text[])
union all
select handoff, org, sender, receiver, offer_ref, accept_due_at, contact_due_at, accept_answered_at,
    contact_answered_at, accept_due_known_at, contact_due_known_at
from handoff_side where handoff = any($1::text[])
"""
_INSERT_NOTICES = """
insert into handoff_notice (id, kind, handoff, stage, due_at, sender, receiver, offer_ref, answered_at, audience,
    raised_at, is_open)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::bigint[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::boolean[])
"""
_CLOSE_NOTICES = """
update handoff_notice n set is_open = false
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) as c(handoff, stage, due_at, audience)
where n.handoff = c.handoff and n.stage = c.stage and n.due_at = c.due_at and n.kind = 'silent'
    and n.audience = c.audience
"""
_UPSERT_SOURCE = """
insert into source (source, org) values ($1, 'pathline') on conflict (source) do update set source = excluded.source
returning id
"""
_UNCONCEALED = "select handoff from unconcealed_handoff where handoff = any($1::text[])"
# Who subscribed to what comes later waits for nothing, and a replay is no matter of dispatch.
_IS_DISPATCH_CAUGHT_UP = """
select not exists (
    select from dispatch_progress d join handoff_progress h on d.change_seq < h.change_seq
    where exists (
        select from subscription s where s.shard = d.shard and s.start_seq < h.change_seq
            and not exists (select from replay r where r.subscription = s.id)
    )
)
"""
_PATHWAYS = """
select s.ref, s.pathway
from ref_pathway s where s.ref = any($1::bigint[])
"""


class OverdueHandoff(NamedTuple):
    """A hand-off of whose silence something has to be said, to whom, and up to when its receiver is known."""

    handoff: str
    audience: str
    known_until: datetime


async def find_overdue(
    connection: asyncpg.Connection,
    shared_until: datetime,
    own_topic_until: Mapping[str, datetime],
    grace: timedelta,
    closed_refs: Collection[int] = (),
) -> list[OverdueHandoff]:
    """The hand-offs whose silence calls for a notice, once for each audience.

    `shared_until`: up to when events of the shared topics are known. `own_topic_until`: the same of organisations with
    their own topic. `closed_refs`: refs of pathways that are closed now.
    """
    rows = await connection.fetch(
        _OVERDUE, shared_until, grace, list(own_topic_until), list(own_topic_until.values()), list(closed_refs)
    )
    return [OverdueHandoff(*row.values()) for row in rows]


async def load_open_stages(
    connection: asyncpg.Connection, handoffs: Sequence[str]
) -> dict[tuple[str, str], OpenStages]:
    """What is waited for in these, by hand-off and audience."""
    rows = await connection.fetch(_OPEN_STAGES, list(handoffs))
    return {(row["handoff"], row["audience"]): OpenStages(*row.values()) for row in rows}


async def sent_silences(connection: asyncpg.Connection, handoffs: Sequence[str]) -> list[SilenceNotice]:
    """The notices of silence that were ever sent about these."""
    return [SilenceNotice(*row.values()) for row in await connection.fetch(_SENT_SILENCES, handoffs)]


async def ended_silences(connection: asyncpg.Connection, closed_refs: Collection[int] = ()) -> list[SilenceNotice]:
    """Silences that are over; `closed_refs` as above."""
    return [SilenceNotice(*row.values()) for row in await connection.fetch(_ENDED_SILENCES, list(closed_refs))]


async def insert_notices(
    connection: asyncpg.Connection, notices: Sequence[SilenceNotice], ids: Sequence[str], raised_at: datetime
) -> None:
    """Stores these notices as sent."""
    columns = map(list, zip(*notices, strict=True))
    is_open = [notice.kind == "silent" for notice in notices]
    await connection.execute(_INSERT_NOTICES, list(ids), *columns, [raised_at] * len(notices), is_open)
    ending_notices = [n for n in notices if n.kind == "answered"]
    if ending_notices:
        key_columns = (
            [n.handoff for n in ending_notices],
            [n.stage for n in ending_notices],
            [n.due_at for n in ending_notices],
        )
        await connection.execute(_CLOSE_NOTICES, *key_columns, [n.audience for n in ending_notices])


async def unconcealed_handoffs(connection: asyncpg.Connection, handoffs: Sequence[str]) -> set[str]:
    """Those of these that others than their own sides may know of."""
    return {row["handoff"] for row in await connection.fetch(_UNCONCEALED, handoffs)}


async def is_dispatch_caught_up(connection: asyncpg.Connection) -> bool:
    """Whether subscriptions were given everything that hand-offs are told from."""
    return bool(await connection.fetchval(_IS_DISPATCH_CAUGHT_UP))


async def source_number(connection: asyncpg.Connection) -> int:
    """The number of the source under which they are said."""
    return int(await connection.fetchval(_UPSERT_SOURCE, SOURCE))


async def current_pathways(connection: asyncpg.Connection, refs: Sequence[int]) -> dict[int, UUID]:
    """The pathways that these refs are on now."""
    return {row["ref"]: row["pathway"] for row in await connection.fetch(_PATHWAYS, refs)}
