"""Link evidence, and which refs are one pathway."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock


@dataclass(frozen=True, slots=True)
class LinkEvidenceRow:
    """A row of `link_evidence`, in the order of its columns."""

    source: int
    id: str
    kind: str
    ref_a: int | None
    ref_b: int | None
    method: str | None
    confidence: float
    asserted_at: datetime
    target_source: int | None
    target_id: str | None
    rank: int


class ReviewRow(NamedTuple):
    """A row of `review_item`: evidence that a person has to look at, and why."""

    source: int
    id: str
    ref_a: int
    ref_b: int
    reason: str


_INSERT = """
insert into link_evidence
    (source, id, kind, ref_a, ref_b, method, confidence, asserted_at, target_source, target_id, rank)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_EVIDENCE_WITH_REFS = """
select l.seq, l.kind, l.ref_a, l.ref_b, t.ref_a as target_a, t.ref_b as target_b, h.ref_a as shown_a, h.ref_b as shown_b
from link_evidence l
left join link_evidence t on l.kind = 'retracted' and t.source = l.target_source and t.id = l.target_id
left join handoff_link h on l.kind = 'retracted' and h.source = l.target_source and h.id = l.target_id
"""
_EVIDENCE_BY_SEQ = _EVIDENCE_WITH_REFS + "where l.seq = any($1::bigint[]) order by l.seq"
# One of each of some sources, the latest first.
_LAST_GOOD_LINKS = """
with latest as (
    select seq, source from link_evidence
    where kind = 'same' and seq <= (select link_evidence_seq from membership_progress) order by seq desc limit 200
)
select seq from (select distinct on (source) seq, source from latest order by source, seq desc) each
where not exists (select from set_aside a where a.work = $1 and a.key = 'said:' || each.seq)
order by seq desc limit 5
"""
# Everything that any live or dead link ever connected with these refs: a superset of every component touched. Without
# what was only proposed: it binds nothing, and anybody may propose anything.
_CONNECTED_REFS = """
with recursive reach(ref) as (
    select unnest($1::bigint[])
    union
    select n.ref from reach r cross join lateral (
        select l.ref_b as ref from link_evidence l where l.ref_a = r.ref and l.kind = 'same' and l.rank <> 5
        union all select l.ref_a from link_evidence l where l.ref_b = r.ref and l.kind = 'same' and l.rank <> 5
        union all select h.ref_b from handoff_link h where h.ref_a = r.ref and not h.is_late
        union all select h.ref_a from handoff_link h where h.ref_b = r.ref and not h.is_late
    ) n
)
select ref from reach
"""
# Retracted: by the organisation that asserted it, or by a person who reviews.
_LIVE_EVIDENCE = """
with said as (
    select l.source, l.id, l.kind, l.ref_a, l.ref_b, l.confidence, l.asserted_at, l.rank
    from seen_evidence l where l.ref_a = any($1::bigint[]) and l.kind <> 'retracted'
    union
    select l.source, l.id, l.kind, l.ref_a, l.ref_b, l.confidence, l.asserted_at, l.rank
    from seen_evidence l where l.ref_b = any($1::bigint[]) and l.kind <> 'retracted'
    union all
    -- By either side, as above: of what came too late the other one may be far away, and it must wait all the same.
    select h.source, h.id, 'same', h.ref_a, h.ref_b, 1, h.asserted_at, case when h.is_late then 5 else 2 end
    from handoff_link h where h.ref_a = any($1::bigint[])
    union
    select h.source, h.id, 'same', h.ref_a, h.ref_b, 1, h.asserted_at, case when h.is_late then 5 else 2 end
    from handoff_link h where h.ref_b = any($1::bigint[])
)
select l.source, l.id, l.kind, l.ref_a, l.ref_b, l.confidence, l.asserted_at, l.rank, s.source as source_name
from said l join source s on s.id = l.source
where not exists (
    select from seen_evidence r join source rs on rs.id = r.source
    where r.kind = 'retracted' and r.target_source = l.source and r.target_id = l.id
      and (rs.org = s.org or rs.org = 'pathline'))
"""
_REFS = "select id, org, subject, anchor_id, received_at from subject_ref where id = any($1::bigint[])"
_REVIEW_ITEMS_OF_REFS = """
select source, id, ref_a, ref_b, reason from review_item where ref_a = any($1::bigint[])
union select source, id, ref_a, ref_b, reason from review_item where ref_b = any($1::bigint[])
"""
_DELETE_REVIEW_ITEMS = "delete from review_item where (source, id) in (select * from unnest($1::int[], $2::text[]))"
_UPSERT_REVIEW_ITEMS = """
insert into review_item (source, id, ref_a, ref_b, reason)
select * from unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
on conflict (source, id) do update set ref_a = excluded.ref_a, ref_b = excluded.ref_b, reason = excluded.reason,
    since = now()
"""
_IS_SEEN = """
select count(*) = cardinality($2::text[]) from seen_evidence l join source s on s.id = l.source
where s.source = $1 and l.id = any($2::text[])
"""
REF_COLUMNS = ("ref_a", "ref_b", "target_a", "target_b", "shown_a", "shown_b")
"""The refs that evidence is about, as `load_evidence` has it."""
_OPEN_MEMBERSHIPS = "select ref, pathway from membership where ref = any($1::bigint[]) and valid_until is null"
_CLOSE_MEMBERSHIPS = "update membership set valid_until = now() where ref = any($1::bigint[]) and valid_until is null"
_INSERT_MEMBERSHIPS = "insert into membership (ref, pathway) select * from unnest($1::bigint[], $2::uuid[])"


async def lock(connection: asyncpg.Connection) -> None:
    """Nobody else writes membership until this transaction ends. Taken before the change-log lock, never after."""
    await advisory_locks.lock_for_transaction(connection, AdvisoryLock.MEMBERSHIP)


async def insert_evidence(connection: asyncpg.Connection, rows: Sequence[LinkEvidenceRow]) -> None:
    """This evidence about who is who is stored; the membership writer will see it.

    Call under the change-log lock: the writer goes on from a `seq` up to which it has seen everything. So `seq` must be
    commit order.
    """
    await connection.executemany(
        _INSERT, [tuple(getattr(row, name) for name in LinkEvidenceRow.__slots__) for row in rows]
    )


async def load_evidence(connection: asyncpg.Connection, seqs: Collection[int]) -> list[asyncpg.Record]:
    """This evidence: seq, kind, ref_a, ref_b, and the refs of what it retracts."""
    return list(await connection.fetch(_EVIDENCE_BY_SEQ, list(seqs))) if seqs else []


async def sample_seen_links(connection: asyncpg.Connection, work: str) -> list[asyncpg.Record]:
    """Some links that were seen and that this work has not set aside, of several sources; as `load_evidence` has
    them.
    """
    return await load_evidence(connection, [row["seq"] for row in await connection.fetch(_LAST_GOOD_LINKS, work)])


async def connected_refs(connection: asyncpg.Connection, refs: Collection[int]) -> list[int]:
    """Every ref that any link connects with these, through others too."""
    return [row["ref"] for row in await connection.fetch(_CONNECTED_REFS, list(refs))]


async def live_evidence(connection: asyncpg.Connection, refs: Collection[int]) -> list[asyncpg.Record]:
    """The evidence that the membership writer has seen, names any of these refs and was not retracted.

    It binds the rest in its own turn, so that membership at all times follows the evidence that it has seen.
    """
    return list(await connection.fetch(_LIVE_EVIDENCE, list(refs)))


async def load_refs(connection: asyncpg.Connection, numbers: Collection[int]) -> list[asyncpg.Record]:
    """These refs: id, org, subject, anchor_id, received_at."""
    return list(await connection.fetch(_REFS, list(numbers)))


async def open_memberships(connection: asyncpg.Connection, numbers: Collection[int]) -> dict[int, UUID]:
    """The pathway of each of these refs that is not a pathway of its own."""
    return {row["ref"]: row["pathway"] for row in await connection.fetch(_OPEN_MEMBERSHIPS, list(numbers))}


async def move_refs(connection: asyncpg.Connection, pathway_by_ref: Mapping[int, UUID | None]) -> None:
    """Each ref belongs to this pathway from now on; None: to its own. What was before stays in the history."""
    await connection.execute(_CLOSE_MEMBERSHIPS, sorted(pathway_by_ref))
    joined = {ref: pathway for ref, pathway in sorted(pathway_by_ref.items()) if pathway is not None}
    if joined:
        await connection.execute(_INSERT_MEMBERSHIPS, list(joined), list(joined.values()))


async def review_items(connection: asyncpg.Connection, refs: Collection[int]) -> set[ReviewRow]:
    """What waits for a person, about any of these refs."""
    return {ReviewRow(*row.values()) for row in await connection.fetch(_REVIEW_ITEMS_OF_REFS, list(refs))}


async def update_review_items(
    connection: asyncpg.Connection, resolved: Collection[ReviewRow], waiting: Collection[ReviewRow]
) -> None:
    """These wait no longer, and these do. What only waits for another reason keeps its name."""
    removed = sorted({(r.source, r.id) for r in resolved} - {(r.source, r.id) for r in waiting})
    if removed:
        await connection.execute(_DELETE_REVIEW_ITEMS, [r[0] for r in removed], [r[1] for r in removed])
    if waiting:
        await connection.execute(_UPSERT_REVIEW_ITEMS, *map(list, zip(*waiting, strict=True)))


async def is_seen(connection: asyncpg.Connection, source: str, ids: Sequence[str]) -> bool:
    """Whether the membership writer has seen all this evidence of one source."""
    return bool(await connection.fetchval(_IS_SEEN, source, ids))
