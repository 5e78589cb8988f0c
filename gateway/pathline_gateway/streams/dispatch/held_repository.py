"""Held entries of the change log: their pathway is closed, or evidence about it is not bound yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.identity.evidence_backlog import EvidenceEnds
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS

# Closed, or open again with something that is still to be given: whatever else comes of it comes after that.
_ANY_CLOSED = "select exists (select from set_aside_ref)"
_ANY_BLOCKED = """
select exists (select from set_aside_ref) or exists (select from dispatch_held where shard = any($1::smallint[]))
"""
_BLOCKED = """
select distinct s.pathway
from (select ref from set_aside_ref union select ref from dispatch_held where shard = any($1::smallint[])) a
join ref_pathway s on s.ref = a.ref
"""
_CLOSED = """
select distinct s.pathway
from set_aside_ref a join ref_pathway s on s.ref = a.ref
"""
_HAS_WORK = """
select exists (select from dispatch_held where shard = any($2::smallint[]))
    or exists (
        select from delivery_pending o join subscription s on s.id = o.subscription where s.shard = any($2::smallint[])
    )
    or exists (select from set_aside where work = any($1::text[]) and retry_at <= now())
"""
_HOLD = """
insert into dispatch_held (ref, batch, change_seq, link_evidence_seq, handoff_input_seq, shard)
select e.*, $4::bigint, $5::bigint, s.shard
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) e cross join unnest($6::smallint[]) as s(shard)
on conflict do nothing
"""
# Whether a pathway waits for evidence costs a look at its refs. So organisations take turns here, too: the pathway that
# is held longest of each, before the second of any.
_RELEASABLE = """
with closed as materialized (
    select distinct s.pathway
    from set_aside_ref a join ref_pathway s on s.ref = a.ref
), entry as (
    select ref, batch, min(change_seq) as change_seq, max(link_evidence_seq) as link_evidence_seq,
        max(handoff_input_seq) as handoff_input_seq, array_agg(shard) as shards
    from dispatch_held where shard = any($3::smallint[]) group by ref, batch
), held as (
    select h.*, s.pathway,
        first_value(h.change_seq) over first_entry as first_seq, first_value(s.org) over first_entry as first_org
    from entry h join ref_pathway s on s.ref = h.ref
    where s.pathway not in (select pathway from closed)
    window first_entry as (partition by s.pathway order by h.change_seq)
), in_turn as (
    select *, dense_rank() over (partition by first_org order by first_seq) as nth from held
), candidate as materialized (
    select * from (select *, dense_rank() over (order by nth, first_seq) as place from in_turn) o where place <= $2
)
select h.ref, h.batch, h.change_seq, h.shards from candidate h
where (h.handoff_input_seq <= (select handoff_input_seq from membership_progress) or not exists (
        select from (
            select b.id as ref from subject_ref b where b.anchor_id = h.pathway
            union all
            select o.ref from membership o where o.pathway = h.pathway and o.valid_until is null
        ) mate
        where first_unseen_handoff_input(mate.ref) <= h.handoff_input_seq
    ))
    and (h.link_evidence_seq <= (select link_evidence_seq from membership_progress) or not exists (
        select from (
            select b.id as ref from subject_ref b where b.anchor_id = h.pathway
            union all
            select o.ref from membership o where o.pathway = h.pathway and o.valid_until is null
        ) mate
        where exists (select from unseen_evidence_ref u where u.ref = mate.ref and u.seq <= h.link_evidence_seq)
    ))
order by h.change_seq limit $1
"""
_OF_REFS = """
select distinct ref, batch, change_seq from dispatch_held where ref = any($1::bigint[]) order by change_seq limit $2
"""
_DELETE_HELD = """
delete from dispatch_held h using unnest($1::bigint[], $2::bigint[]) as g(ref, batch)
where h.shard = any($3::smallint[]) and h.ref = g.ref and h.batch = g.batch
"""
_INSERT_OWED = """
insert into delivery_pending (subscription, source, id, ref, is_notice)
select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::boolean[])
on conflict do nothing
"""
_OWED = """
with closed as materialized (
    select distinct s.pathway
    from set_aside_ref a join ref_pathway s on s.ref = a.ref
)
select o.subscription, o.source, o.id, o.ref, o.is_notice, o.seq, i.batch
from delivery_pending o
join subscription u on u.id = o.subscription and u.shard = any($2::smallint[])
join ref_pathway s on s.ref = o.ref
left join event_identity k on k.source = o.source and k.id = o.id
left join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
where s.pathway not in (select pathway from closed)
order by o.seq limit $1
"""
_DELETE_OWED = "delete from delivery_pending where seq = any($1::bigint[])"
_WITHHOLD = """
insert into delivery_marker (subscription, number) select * from unnest($1::uuid[], $2::bigint[])
on conflict do nothing
"""
_INSERT_OWED_NUMBERS = """
insert into delivery_pending (subscription, source, id, ref, is_notice)
select w.subscription, g.source, g.id, w.ref, w.is_notice
from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[]) as w(subscription, number, ref, is_notice)
cross join lateral delivery_at(w.subscription, w.number) g
order by w.subscription, w.number
on conflict do nothing
"""
_REFS_OF = """
select s.id from subject_ref s left join membership m on m.ref = s.id and m.valid_until is null
where coalesce(m.pathway, s.anchor_id) = $1 and (s.anchor_id = $1 or m.pathway = $1)
"""
_REFS_OF_ITEM = """
select r.ref from set_aside_ref r join set_aside a on a.id = r.set_aside_id where a.work = $1 and a.key = $2
"""

NO_EVIDENCE: Final = EvidenceEnds(0, 0)
"""Nothing has to be bound first."""
BATCH_SIZE: Final = 500
"""Entries that are given in one transaction."""
_MAX_PATHWAYS: Final = 1_000
"""Pathways that are looked at in one transaction: whatever is held, others wait for the dispatcher meanwhile."""


class HeldEntry(NamedTuple):
    """An entry of the change log."""

    ref: int
    batch: int
    seq: int


class OwedDelivery(NamedTuple):
    """An event that one subscription is to be given."""

    subscription: UUID
    source: int
    id: str
    ref: int
    notice: bool
    seq: int
    batch: int | None


async def has_work(connection: asyncpg.Connection, shards: Collection[int], *works: str) -> bool:
    """Whether anything is held back in these shards, or to be tried again by these works."""
    return bool(await connection.fetchval(_HAS_WORK, works, list(shards)))


async def closed_pathways(connection: asyncpg.Connection) -> set[UUID]:
    """Pathways of which something is set aside that decides who may see them."""
    if not await connection.fetchval(_ANY_CLOSED):
        return set()
    return {row["pathway"] for row in await connection.fetch(_CLOSED)}


async def blocked_pathways(connection: asyncpg.Connection, shards: Collection[int] = ALL_SHARDS) -> set[UUID]:
    """These, and those of which something is held in one of these shards that is still to be given."""
    if not await connection.fetchval(_ANY_BLOCKED, list(shards)):
        return set()
    return {row["pathway"] for row in await connection.fetch(_BLOCKED, list(shards))}


async def hold(
    connection: asyncpg.Connection,
    shards: Collection[int],
    entries: Collection[HeldEntry],
    evidence: EvidenceEnds = NO_EVIDENCE,
) -> None:
    """These are given to these shards once their pathways are open, and all evidence up to these ends is bound."""
    if entries:
        await connection.execute(_HOLD, *map(list, zip(*entries, strict=True)), *evidence, list(shards))


async def fetch_releasable(
    connection: asyncpg.Connection, shards: Collection[int], limit: int = BATCH_SIZE
) -> dict[HeldEntry, frozenset[int]]:
    """Some whose pathways are open and whose evidence is bound, in order; and which of these shards hold each."""
    rows = await connection.fetch(_RELEASABLE, limit, _MAX_PATHWAYS, list(shards))
    return {HeldEntry(ref, batch, seq): frozenset(holders) for ref, batch, seq, holders in rows}


async def fetch_held(connection: asyncpg.Connection, refs: Collection[int], limit: int = BATCH_SIZE) -> list[HeldEntry]:
    """Some of these refs, in order."""
    return [HeldEntry(*row.values()) for row in await connection.fetch(_OF_REFS, list(refs), limit)]


async def delete_held(connection: asyncpg.Connection, shards: Collection[int], entries: Sequence[HeldEntry]) -> None:
    """These are held no longer in these shards."""
    if entries:
        columns = [each.ref for each in entries], [each.batch for each in entries]
        await connection.execute(_DELETE_HELD, *columns, list(shards))


async def insert_owed(connection: asyncpg.Connection, rows: Sequence[tuple[UUID, int, str, int, bool]]) -> None:
    """One subscription each is to be given these (source, id, ref, whether it is a notice)."""
    if rows:
        await connection.execute(_INSERT_OWED, *map(list, zip(*rows, strict=True)))


async def fetch_owed(
    connection: asyncpg.Connection, shards: Collection[int], limit: int = BATCH_SIZE
) -> list[OwedDelivery]:
    """Some of these shards whose pathways are open, in order."""
    return [OwedDelivery(*row.values()) for row in await connection.fetch(_OWED, limit, list(shards))]


async def delete_owed(connection: asyncpg.Connection, entries: Sequence[OwedDelivery]) -> None:
    """These are owed no longer."""
    if entries:
        await connection.execute(_DELETE_OWED, [each.seq for each in entries])


async def withhold(connection: asyncpg.Connection, numbers: Sequence[tuple[UUID, int, int, bool]]) -> None:
    """These numbers (with the ref, and whether it is a notice) are markers for good; what they stood for is owed."""
    if numbers:
        subscriptions, event_numbers, refs, notices = map(list, zip(*numbers, strict=True))
        await connection.execute(_WITHHOLD, subscriptions, event_numbers)
        await connection.execute(_INSERT_OWED_NUMBERS, subscriptions, event_numbers, refs, notices)


async def refs_of(connection: asyncpg.Connection, pathway: UUID) -> set[int]:
    """Every ref that is on this pathway now."""
    return {row["id"] for row in await connection.fetch(_REFS_OF, pathway)}


async def refs_of_item(connection: asyncpg.Connection, work: str, key: str) -> set[int]:
    """Those that are closed by this."""
    return {row["ref"] for row in await connection.fetch(_REFS_OF_ITEM, work, key)}
