"""The table of hand-offs, and how much of the change log it has still to see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import asyncpg

from pathline_gateway.handoffs.event_repository import load_amendments
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.partial_step import partial_step_from_row
from pathline_gateway.pathways.step import Step
from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

# Entries of one batch stand together, and are looked at together: what it named is told by its number alone.
_BATCH_END = """
with page as materialized (
    select seq, batch from change_log where seq > (select change_seq from handoff_progress) order by seq limit $1
), last as (
    select seq, batch from page order by seq desc limit 1
)
select coalesce(max(c.seq), (select seq from last)) as seq
from last l join change_log c on c.seq > l.seq and c.seq <= l.seq + $1 and c.batch = l.batch
"""
# Hand-offs that the entries after the one and up to the other may have changed: those that a new event names; those of
# what was voided or corrected under these refs, be it before it came (the log does not say when); those whose offer
# stands on a pathway where the receiver did something, or which was joined or parted. Who left a pathway is known by
# where she was.
#
# What a page names is looked up key by key, be the store as large as it may. `unnest(array(…))` says so: its rows are
# expected to be few, where of a page Postgres may expect a third of the log, and then it reads whole tables instead. So
# does `offset 0`, which nothing is joined across: how many rows a batch has is known only once they were counted.
_AFFECTED_HANDOFFS = """
with page as materialized (
    select ref, batch, kind from change_log where seq > $2 and seq <= $1
), amends as materialized (
    select a.target_source as source, a.target_id as id
    from unnest(array(select distinct ref from page)) p(ref) join amendment a on a.target_ref = p.ref
), came as materialized (
    select p.ref, s.org from unnest(array(select distinct ref from page where kind = 'interaction')) p(ref)
    join subject_ref s on s.id = p.ref
), receiving as materialized (
    -- Few organisations receive anything, and of the others nothing more is asked. The first offer, not `exists`: for
    -- an organisation that receives nothing that was a reading of the whole table.
    select o.org from (select distinct org from came) o
    where (select min(h.offered_at) from handoff h where h.receiver = o.org) is not null
        or exists (select from handoff_side v where v.receiver = o.org)
), heard as materialized (
    -- As a value, it is looked up in a hash, however few rows are expected.
    select ref, org from came where (org in (select org from receiving)) is true
), moved as (
    select distinct coalesce(m.pathway, s.anchor_id) as pathway, p.kind <> 'membership' as whole
    from (select distinct ref, kind from page where kind <> 'interaction') p
    join subject_ref s on s.id = p.ref
    left join membership m on m.ref = p.ref
    union
    select s.anchor_id, false from page p join subject_ref s on s.id = p.ref where p.kind = 'membership'
), stood as materialized (
    -- Also who has left: what was asked of her may be told otherwise by that.
    select m.ref, v.whole, m.valid_until is null as stands from moved v join membership m on m.pathway = v.pathway
    union
    select s.id, v.whole, true from moved v join subject_ref s on s.anchor_id = v.pathway
), asked as materialized (
    -- Where parts of pathways move, only what is asked of those who ever stood on them is told otherwise.
    select o.org from (select distinct s.org from stood t join subject_ref s on s.id = t.ref) o
    where (select min(h.offered_at) from handoff h where h.receiver = o.org) is not null
        or exists (select from handoff_side v where v.receiver = o.org)
), at as (
    select org, ref from heard
    union
    select c.org, o.ref from heard c
    join membership m on m.ref = c.ref and m.valid_until is null
    join membership o on o.pathway = m.pathway and o.valid_until is null
    union
    select null, ref from stood where stands and whole
)
select i.handoff from (select distinct batch from page where kind = 'interaction') p
cross join lateral (
    select i.handoff from interaction i where i.batch = p.batch and i.handoff is not null offset 0
) i
union
select i.handoff from amends a
join event_identity k on k.source = a.source and k.id = a.id
join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
where i.handoff is not null
union
select m.handoff from amends a join handoff_input m on m.source = a.source and m.id = a.id and m.kind = 'amended'
where m.handoff is not null
union
select h.handoff from at join handoff h on h.offer_ref = at.ref where at.org is null or h.receiver = at.org
    or exists (select from handoff_side v where v.handoff = h.handoff and v.receiver = at.org)
union
select h.handoff from (select distinct ref from stood where stands and not whole) t
join handoff h on h.offer_ref = t.ref where h.receiver in (select org from asked)
    or exists (select from handoff_side v where v.handoff = h.handoff and v.receiver in (select org from asked))
union
-- Whether a person is heard of a hand-off depends on where her account stands.
select i.handoff from (select distinct ref from stood) t
join subject_ref s on s.id = t.ref and s.org = 'citizen'
cross join lateral (select i.handoff from interaction i where i.ref = t.ref and i.handoff is not null offset 0) i
"""
# What a receiver published under the refs of the pathway that the offer stands on. What was corrected may have moved,
# and so all of an amended ref is read.
_RECEIVER_STEPS = """
with wanted as (
    select * from unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[]) as w(handoff, ref, org, since)
), under as (
    select w.handoff, w.since, s.id as ref, s.org, s.subject,
        exists (select from amendment a where a.target_ref = s.id) as amended
    from wanted w
    left join membership m on m.ref = w.ref and m.valid_until is null
    left join membership o on o.pathway = m.pathway and o.valid_until is null
    join subject_ref s on s.id = coalesce(o.ref, w.ref) and s.org = w.org
)
select u.handoff, u.amended, i.source as source_number, src.source, i.id, t.type, i.time, i.sequence,
    u.org, u.subject, i.payload
from under u
join interaction i on i.ref = u.ref and (i.time >= u.since or u.amended)
join source src on src.id = i.source
join event_type t on t.id = i.type
"""
# Not `any`: that was each row of the table held against each of them.
_DELETE = "delete from handoff h using unnest($1::text[]) as k(handoff) where h.handoff = k.handoff"
_QUEUE_TELEMETRY = "insert into handoff_telemetry_pending select unnest($1::text[]) on conflict do nothing"
_CHECKPOINT = "select change_seq from handoff_progress"
_ADVANCE_CHECKPOINT = "update handoff_progress set change_seq = $1"
_COUNT_LAG = """
select count(*) from (select from change_log where seq > (select change_seq from handoff_progress) limit 100000) as c
"""
_SELECT_BY_ID = "select * from handoff where handoff = any($1::text[])"
_CONCEAL = "update handoff set is_concealed = true where handoff = any($1::text[]) and not is_concealed"
# One of each of some organisations, the latest first.
_LAST_GOOD_HANDOFFS = """
with latest as (
    select handoff, sender, offered_at from handoff where offered_at is not null order by offered_at desc limit 200
)
select handoff from (select distinct on (sender) handoff, offered_at from latest order by sender, offered_at desc) each
where not exists (select from set_aside a where a.work = $1 and a.key = each.handoff)
order by offered_at desc limit 5
"""


async def lock(connection: asyncpg.Connection) -> None:
    """Nobody else brings hand-offs up to date, or speaks of their silence, until this transaction ends."""
    await advisory_locks.lock_for_transaction(connection, AdvisoryLock.HANDOFF_PROJECTION)


async def batch_end(connection: asyncpg.Connection, batch_size: int) -> int | None:
    """The last of so many entries that were not looked at; None where there is none."""
    end_seq: int | None = await connection.fetchval(_BATCH_END, batch_size)
    return end_seq


async def affected_handoffs(connection: asyncpg.Connection, end_seq: int, since_seq: int | None = None) -> set[str]:
    """The hand-offs that entries up to this one may have changed: of those not looked at, or since this one."""
    if since_seq is None:
        # Not within the statement: what it comes to would not be known when that is planned.
        since_seq = await connection.fetchval(_CHECKPOINT)
    return {row["handoff"] for row in await connection.fetch(_AFFECTED_HANDOFFS, end_seq, since_seq)}


async def pending_handoffs(connection: asyncpg.Connection) -> set[str]:
    """The hand-offs that anything may have changed that was not looked at."""
    end_seq = await connection.fetchval("select coalesce(max(seq), 0) from change_log")
    return await affected_handoffs(connection, end_seq)


async def load_receiver_steps(
    connection: asyncpg.Connection, requests: Iterable[tuple[str, int, str, datetime]]
) -> Mapping[str, list[Step]]:
    """By the name of each wanted (an offer's ref, a receiver, since when) the receiver's steps on that pathway."""
    rows = await connection.fetch(_RECEIVER_STEPS, *map(list, zip(*requests, strict=True)))
    amended_events = {(row["source_number"], row["id"]) for row in rows if row["amended"]}
    amendments = await load_amendments(connection, amended_events) if amended_events else []
    steps_by_request: dict[str, list[Step]] = {}
    for row in rows:
        steps_by_request.setdefault(row["handoff"], []).append(partial_step_from_row(row))
    return {handoff: apply_amendments(steps, amendments) for handoff, steps in steps_by_request.items()}


async def replace_rows(connection: asyncpg.Connection, handoffs: Collection[str], rows: Sequence[HandoffRow]) -> None:
    """These hand-offs stand as these records say; one without a record is none any more."""
    await connection.execute(_DELETE, list(handoffs))
    await connection.copy_records_to_table("handoff", records=rows, columns=HandoffRow._fields)
    if ended_handoffs := [each.handoff for each in rows if each.ended_at is not None]:
        await connection.execute(_QUEUE_TELEMETRY, ended_handoffs)


async def mark_concealed(connection: asyncpg.Connection, handoffs: Iterable[str]) -> None:
    """Only the sides of these learn of them: whether they are concealed is not known."""
    await connection.execute(_CONCEAL, list(handoffs))


async def sample_good_handoffs(connection: asyncpg.Connection, work: str) -> list[str]:
    """Some hand-offs that are kept and that this work has not set aside, of several organisations."""
    return [row["handoff"] for row in await connection.fetch(_LAST_GOOD_HANDOFFS, work)]


async def advance_checkpoint(connection: asyncpg.Connection, seq: int) -> None:
    """Everything up to this entry was looked at."""
    await connection.execute(_ADVANCE_CHECKPOINT, seq)


async def projection_lag(connection: asyncpg.Connection) -> int:
    """How many entries have still to be looked at; of very many, no more than that."""
    return int(await connection.fetchval(_COUNT_LAG))


async def load_rows(connection: asyncpg.Connection, handoffs: Collection[str]) -> dict[str, HandoffRow]:
    """Those of these hand-offs that there are."""
    rows = await connection.fetch(_SELECT_BY_ID, list(handoffs))
    return {row["handoff"]: HandoffRow(*row.values()) for row in rows}
