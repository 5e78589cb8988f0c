"""What is stored, as it stands, in streams of bounded memory: for those who recompute what is derived from it.

Plain scans and joins, not the statements that intake and pulls use: those are what is being checked.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import asyncpg

Rows = AsyncIterator[asyncpg.Record]

_PREFETCH = 500
"""Rows that the client holds of a stream."""

INTERACTIONS: Final = """
select i.ref, i.received_at, i.time, src.source, t.type, i.id, i.sequence, i.handoff, i.payload, i.kind,
    i.is_access_deciding, k.source = i.source and k.type = i.type as kind_agrees, k.service, k.channel, k.initiator,
    k.actor, s.org, s.subject, e.digest, e.ref as identity_ref, e.time as identity_time
from interaction i
left join step_kind k on k.id = i.kind
left join event_identity e on e.source = i.source and e.id = i.id
left join source src on src.id = i.source
left join event_type t on t.id = i.type
left join subject_ref s on s.id = i.ref
"""
EVIDENCE: Final = """
select v.received_at, v.time, v.recordedtime, src.source, t.type, v.id, v.sequence, v.subject, v.trace_id, v.span_id,
    v.payload, e.digest, e.ref as identity_ref, e.time as identity_time, a.kind as amends,
    asrc.source as amends_source, a.target_id as amends_id, a.target_ref, l.kind as links, l.ref_a, l.ref_b, l.method,
    l.confidence, l.asserted_at, lsrc.source as links_source, l.target_id as links_id, ra.org as a_org,
    ra.subject as a_subject, rb.org as b_org, rb.subject as b_subject, target.ref as true_target
from evidence v
left join event_identity e on e.source = v.source and e.id = v.id
left join source src on src.id = v.source
left join event_type t on t.id = v.type
left join amendment a on a.source = v.source and a.id = v.id
left join source asrc on asrc.id = a.target_source
left join interaction target on target.source = a.target_source and target.id = a.target_id
left join link_evidence l on l.source = v.source and l.id = v.id
left join source lsrc on lsrc.id = l.target_source
left join subject_ref ra on ra.id = l.ref_a
left join subject_ref rb on rb.id = l.ref_b
"""
SOURCES: Final = "select source, org from source"
REFS: Final = "select id, org, subject, anchor_id, has_steps from subject_ref order by id"
REVIEW_ITEMS: Final = "select source, id, ref_a, ref_b, reason from review_item"
OPEN_MEMBERSHIPS: Final = "select ref, pathway from membership where valid_until is null order by ref"
PARKED: Final = """
select p.topic, p.partition, p."offset", coalesce(p.last_offset, p."offset") as last_offset, p.reason, p.detail, p.org,
    p.state, cardinality(p.header_names) as names, cardinality(p.header_values) as values,
    coalesce(c.next_offset, 0) as read_to
from parked p
left join (
    select log_epoch, topic, partition, max(next_offset) as next_offset from consumer_position group by 1, 2, 3) c
  on c.log_epoch = p.log_epoch and c.topic = p.topic and c.partition = p.partition
"""
POSITIONS: Final = """
select c.next_offset, c.last_digest, max(x.to_offset) as expired_to
from consumer_position c
left join expired_records x on x."group" = c."group" and x.log_epoch = c.log_epoch and x.topic = c.topic
    and x.partition = c.partition
group by c."group", c.log_epoch, c.topic, c.partition
"""
# All evidence that the membership writer has seen, less what its asserter or a reviewer retracted.
LIVE_EVIDENCE: Final = """
with retracted as (
    select l.target_source, l.target_id, s.org from seen_evidence l join source s on s.id = l.source
    where l.kind = 'retracted'
), said as (
    select l.source, l.id, l.kind, l.ref_a, l.ref_b, l.confidence, l.asserted_at, l.rank from seen_evidence l
    where l.kind <> 'retracted'
    union all
    select h.source, h.id, 'same', h.ref_a, h.ref_b, 1, h.asserted_at, case when h.is_late then 5 else 2 end
    from handoff_link h
)
select l.*, s.source as source_name, ra.org as a_org, rb.org as b_org
from said l join source s on s.id = l.source
join subject_ref ra on ra.id = l.ref_a join subject_ref rb on rb.id = l.ref_b
where not exists (
    select from retracted r
    where r.target_source = l.source and r.target_id = l.id and (r.org = s.org or r.org = 'pathline'))
"""
# Hand-offs of which a token was shown, perhaps, less those of which the membership writer has still to see something.
HANDOFFS: Final = """
with unseen as (
    select kind, handoff, source, id from unseen_handoff_input
), open as (
    select handoff from unseen where handoff is not null
    union
    select m.handoff from unseen u join handoff_input m on m.source = u.source and m.id = u.id and m.kind = 'amended'
    where m.handoff is not null
    union
    select i.handoff from unseen u join interaction i on i.source = u.source and i.id = u.id
    where u.kind = 'amended' and i.handoff is not null
)
select distinct k.handoff from handoff_input k
where k.handoff is not null and k.kind <> 'asked' and not exists (select from open o where o.handoff = k.handoff)
"""
NOTICES: Final = """
select n.offer_ref as ref, case n.kind
    when 'silent' then n.raised_at > n.due_at and (n.is_open or o.id is not null)
    else o.id is not null and not o.is_open and o.raised_at <= n.raised_at end as founded
from handoff_notice n
left join handoff_notice o on o.handoff = n.handoff and o.stage = n.stage and o.due_at = n.due_at and o.kind <> n.kind
    and o.audience = n.audience
"""
# As far as they do not have to be judged anew.
HANDOFF_SIDES: Final = """
select v.* from handoff_side v where not exists (select from handoff_side_pending j where j.handoff = v.handoff)
"""
CONCEALED_WITHOUT_SIDES: Final = """
select h.handoff, h.offer_ref as ref from handoff h
where h.is_concealed and not exists (select from handoff_side v where v.handoff = h.handoff)
    and not exists (select from handoff_side_pending j where j.handoff = h.handoff)
"""
STORED_HANDOFFS: Final = "select handoff, offer_ref as ref from handoff"
ORPHAN_HANDOFF_LINKS: Final = """
select h.ref_a as ref from handoff_link h
where not exists (select from handoff_input k where k.handoff = h.handoff and k.kind <> 'asked')
"""
# A reader of the log misses these interactions: their ref has no entry of their batch.
UNLOGGED_INTERACTIONS: Final = """
select distinct i.ref from interaction i
where not exists (select from change_log c where c.ref = i.ref and c.batch = i.batch and c.kind = 'interaction')
"""
# Each opened membership is one entry; closing one without opening another is an entry too.
UNLOGGED_MEMBERSHIPS: Final = """
select m.ref from (select ref, count(*) as n from membership group by ref) m
left join (select ref, count(*) as n from change_log where kind = 'membership' group by ref) c using (ref)
where m.n > coalesce(c.n, 0)
"""
# The entries of one transaction stand together, refs ascending, because the lock is held to the commit.
OUT_OF_ORDER_CHANGES: Final = """
select c.ref from (
    select ref, batch, lag(ref) over (order by seq) as ref_before, lag(batch) over (order by seq) as batch_before,
        row_number() over (partition by batch order by seq) as nth
    from change_log) c
where case when c.batch is distinct from c.batch_before then c.nth > 1 else c.ref <= c.ref_before end
"""
COUNT_CHANGES: Final = "select count(*) from change_log"
# Identities of nothing, and interactions stored twice.
ORPHAN_IDENTITIES: Final = """
select e.ref from event_identity e
where not exists (select from interaction i where i.source = e.source and i.id = e.id)
  and not exists (select from evidence v where v.source = e.source and v.id = e.id)
"""
DUPLICATE_INTERACTIONS: Final = "select min(ref) as ref from interaction group by source, id having count(*) > 1"
COUNTS: Final = """
select (select count(*) from subject_ref) as subjects, (select count(*) from parked where state = 'parked') as parked,
    (select count(*) from seen_evidence where kind = 'same') as links
"""
# Amendments that nobody sent: the evidence has none such.
ORPHAN_AMENDMENTS: Final = """
select a.target_ref as ref from amendment a
where not exists (select from evidence v where v.source = a.source and v.id = a.id)
"""
ORPHAN_LINKS: Final = """
select l.ref_a as ref from link_evidence l
where not exists (select from evidence v where v.source = l.source and v.id = l.id)
"""

_INTERACTIONS_OF_REFS = """
select i.ref, i.source as source_number, src.source, i.id, t.type, i.sequence, i.payload
from interaction i join source src on src.id = i.source join event_type t on t.id = i.type
where i.ref = any($1::bigint[])
"""
_AMENDMENTS_OF_EVENTS = """
select a.target_source, a.target_id, a.kind, src.source, a.id, v.sequence, v.payload
from unnest($1::int[], $2::text[]) as k(source, id)
join amendment a on a.target_source = k.source and a.target_id = k.id
join evidence v on v.source = a.source and v.id = a.id
join source src on src.id = a.source
"""
_REFS_BY_ID = "select id, org, subject from subject_ref where id = any($1::bigint[])"
_REFS_OLDEST_FIRST = (
    "select id, anchor_id from subject_ref where id = any($1::bigint[]) order by received_at, org, subject"
)
_PATHWAYS_OF_REFS = """
select distinct coalesce(m.pathway, s.anchor_id) as pathway
from subject_ref s left join membership m on m.ref = s.id and m.valid_until is null where s.id = any($1::bigint[])
"""


@contextlib.asynccontextmanager
async def repeatable_read(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Everything read in the block is of one instant, whatever is written meanwhile."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Streams are read to their end: the plan that is best for the first rows alone is not the one wanted.
        await connection.execute("set local cursor_tuple_fraction = 1; set local jit = off")
        yield


async def stream(connection: asyncpg.Connection, statement: str) -> Rows:
    """The rows of one of these statements, a few hundred in memory."""
    async for row in connection.cursor(statement, prefetch=_PREFETCH):
        yield row


async def pages(connection: asyncpg.Connection, statement: str, size: int) -> AsyncIterator[list[asyncpg.Record]]:
    """The same, many rows at a time."""
    cursor = await connection.cursor(statement)
    while rows := await cursor.fetch(size):
        yield rows


async def interactions_of(connection: asyncpg.Connection, refs: Collection[int]) -> list[asyncpg.Record]:
    """Everything stored under these refs, in no order."""
    return list(await connection.fetch(_INTERACTIONS_OF_REFS, list(refs)))


async def refs_by_id(connection: asyncpg.Connection, refs: Collection[int]) -> list[asyncpg.Record]:
    """id, organisation and subject of these refs."""
    return list(await connection.fetch(_REFS_BY_ID, list(refs)))


async def amendments_of(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """The voids and corrections that name these interactions."""
    return list(
        await connection.fetch(_AMENDMENTS_OF_EVENTS, [r["source_number"] for r in rows], [r["id"] for r in rows])
    )


async def oldest_first(connection: asyncpg.Connection, refs: Collection[int]) -> list[asyncpg.Record]:
    """id and anchor id of these refs, the oldest first."""
    return list(await connection.fetch(_REFS_OLDEST_FIRST, list(refs)))


async def pathways_of(connection: asyncpg.Connection, refs: Collection[int]) -> list[str]:
    """The ids of the pathways that these refs are on now."""
    return [str(row["pathway"]) for row in await connection.fetch(_PATHWAYS_OF_REFS, list(refs))]
