"""What waits for a reviewer, what she decided, and what stands on both sides. Never a payload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.pathways.stored_form import open_payload
from pathline_gateway.reserved_names import REVIEW_SOURCE

# Not decided: no decision stands about the two refs. Only reviewers take back what reviewers decided.
_LIST_WAITING = """
with decided as (
    select least(d.ref_a, d.ref_b) as ref_a, greatest(d.ref_a, d.ref_b) as ref_b from live_evidence d
    where d.source = (select id from source where source = $4)
)
select r.seq, r.item, r.reason, r.since, src.org as asserter, coalesce(l.kind, 'same') as kind,
    coalesce(l.method, case when l.source is null then 'handoff' end) as method,
    coalesce(l.confidence, 1) as confidence,
    a.org as a_org, a.subject as a_subject, b.org as b_org, b.subject as b_subject,
    null::text as decision, null::timestamptz as decided_at
from review_item r
join source src on src.id = r.source
left join link_evidence l on l.source = r.source and l.id = r.id
join subject_ref a on a.id = r.ref_a
join subject_ref b on b.id = r.ref_b
where r.seq > $1 and ($2::text is null or r.reason = $2)
    and not exists (select from decided d
        where d.ref_a = least(r.ref_a, r.ref_b) and d.ref_b = greatest(r.ref_a, r.ref_b))
    and ($5 or not (org_is_concealed(src.org) or ref_is_concealed(a.org, a.subject)
                    or ref_is_concealed(b.org, b.subject)))
order by r.seq limit $3
"""
# By the decision's `seq`; its id begins with the item that was decided. `reason`: why the decision is not in force.
_LIST_DECIDED = """
select d.seq, split_part(d.id, '.', 1)::uuid as item, r.reason, d.received_at as since, d.asserter,
    d.kind, d.method, d.confidence, a.org as a_org, a.subject as a_subject, b.org as b_org, b.subject as b_subject,
    case d.kind when 'same' then 'same' else 'different' end as decision, d.asserted_at as decided_at
from live_evidence d
join subject_ref a on a.id = d.ref_a
join subject_ref b on b.id = d.ref_b
left join review_item r on r.source = d.source and r.id = d.id
where d.seq > $1 and d.source = (select id from source where source = $4) and ($2::text is null or r.reason = $2)
    and d.id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[.]'
    and ($5 or not (ref_is_concealed(a.org, a.subject) or ref_is_concealed(b.org, b.subject)))
order by d.seq limit $3
"""
_COUNT_WAITING = """
with decided as (
    select least(d.ref_a, d.ref_b) as ref_a, greatest(d.ref_a, d.ref_b) as ref_b from live_evidence d
    where d.source = (select id from source where source = $1)
)
select r.reason, count(*) as n from review_item r
join source src on src.id = r.source
join subject_ref a on a.id = r.ref_a
join subject_ref b on b.id = r.ref_b
where not exists (select from decided d
    where d.ref_a = least(r.ref_a, r.ref_b) and d.ref_b = greatest(r.ref_a, r.ref_b))
    and ($2 or not (org_is_concealed(src.org) or ref_is_concealed(a.org, a.subject)
                    or ref_is_concealed(b.org, b.subject)))
group by r.reason
"""
# What was decided waits no longer: its name stands in the ids of the decisions, which a replayed log brings back. After
# an undoing, what waits again about the same two refs has another name, and is found by either.
_FIND_SUBJECT = """
with named as (
    select r.source, r.id, r.ref_a, r.ref_b, r.reason, r.since from review_item r where r.item = $1
), decided as (
    select d.ref_a, d.ref_b, d.received_at as since from link_evidence d
    where d.source = (select id from source where source = $2) and d.kind <> 'retracted'
        and d.id >= $1::text || '.' and d.id < $1::text || '/'
    order by d.seq limit 1
)
select * from named
union all
(select r.source, r.id, d.ref_a, d.ref_b, r.reason, coalesce(r.since, d.since) from decided d
 left join review_item r on (r.ref_a, r.ref_b) in ((d.ref_a, d.ref_b), (d.ref_b, d.ref_a))
 order by r.seq limit 1)
limit 1
"""
_DECISIONS = """
select d.id, d.kind = 'same' as same, d.asserted_at from live_evidence d
where d.source = (select id from source where source = $3)
    and (d.ref_a, d.ref_b) in (($1, $2), ($2, $1))
order by d.asserted_at desc, d.id desc
"""
_LIVE_EVIDENCE = """
with said as (
    select * from live_evidence where ref_a = $1
    union
    select * from live_evidence where ref_b = $1
)
select said.source, said.source_name, said.id, said.kind, said.ref_a, said.ref_b, said.method, said.confidence,
    said.asserted_at, said.rank, said.handoff, said.asserter, a.org as a_org, a.subject as a_subject,
    b.org as b_org, b.subject as b_subject, case when e.key_id is null then e.payload end as payload,
    v.reason as waits, v.item, count(*) over () as total
from said
join subject_ref a on a.id = said.ref_a
join subject_ref b on b.id = said.ref_b
left join evidence e on e.source = said.source and e.id = said.id
left join review_item v on v.source = said.source and v.id = said.id
where $4 or not (org_is_concealed(said.asserter) or ref_is_concealed(a.org, a.subject)
                 or ref_is_concealed(b.org, b.subject))
order by (least(said.ref_a, said.ref_b), greatest(said.ref_a, said.ref_b)) <> (least($1, $2), greatest($1, $2)),
    said.rank, said.asserted_at, said.source_name, said.id
limit $3
"""
_PATHWAY_WEIGHT = """
with person as (
    select $1::bigint as ref
    union
    select m.ref from membership now join membership m on m.pathway = now.pathway and m.valid_until is null
    where now.ref = $1 and now.valid_until is null
)
select count(distinct p.ref) as refs, count(i.id) as interactions,
    count(distinct s.org) filter (where i.id is not null) as organisations
from person p
join subject_ref s on s.id = p.ref
left join interaction i on i.ref = p.ref
    and not exists (select from amendment v where v.target_source = i.source and v.target_id = i.id
                    and v.kind = 'voided' and v.target_ref is not null)
"""


@dataclass(frozen=True, slots=True)
class ReviewListItem:
    """An item in a list."""

    cursor: int
    """Its place in the list: the `after` of what follows."""
    item: UUID
    reason: str | None
    """Why it waits; of a decision, why it is not in force."""
    since: datetime
    asserter: str
    kind: str
    method: str | None
    confidence: float
    a_org: str
    a_subject: str
    b_org: str
    b_subject: str
    decision: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """What an item is about: the evidence, while it waits, and the two refs."""

    source: int | None
    id: str | None
    ref_a: int
    ref_b: int
    reason: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class EvidenceOnRef:
    """Live evidence about one ref, as a reviewer sees it."""

    source: int
    source_name: str
    id: str
    kind: str
    ref_a: int
    ref_b: int
    method: str | None
    confidence: float
    asserted_at: datetime
    rank: int
    handoff: str | None
    asserter: str
    a_org: str
    a_subject: str
    b_org: str
    b_subject: str
    purpose: str | None
    waits: str | None
    """Why it does not bind, or is in doubt."""
    item: UUID | None
    """Under which name it waits."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decided about two refs, and has not taken back."""

    id: str
    same: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Weight:
    """What stands on the pathway of a ref now."""

    refs: int
    interactions: int
    organisations: int


async def list_waiting(
    connection: asyncpg.Connection, reason: str | None, after: int, limit: int, *, unrestricted: bool
) -> list[ReviewListItem]:
    """What nobody has decided yet, in the order of its coming; `unrestricted`: with what is concealed, too."""
    rows = await connection.fetch(_LIST_WAITING, after, reason, limit, REVIEW_SOURCE, unrestricted)
    return [ReviewListItem(*row.values()) for row in rows]


async def list_decided(
    connection: asyncpg.Connection, reason: str | None, after: int, limit: int, *, unrestricted: bool
) -> list[ReviewListItem]:
    """The decisions that were not taken back, in the order of their coming."""
    rows = await connection.fetch(_LIST_DECIDED, after, reason, limit, REVIEW_SOURCE, unrestricted)
    return [ReviewListItem(*row.values()) for row in rows]


async def count_waiting(connection: asyncpg.Connection, *, unrestricted: bool) -> dict[str, int]:
    """How much waits undecided, by reason."""
    return dict(await connection.fetch(_COUNT_WAITING, REVIEW_SOURCE, unrestricted))


async def find_subject(connection: asyncpg.Connection, item: UUID) -> ReviewSubject | None:
    """What this item is about, whether it waits or was decided."""
    row = await connection.fetchrow(_FIND_SUBJECT, item, REVIEW_SOURCE)
    return None if row is None else ReviewSubject(*row.values())


async def load_evidence(
    connection: asyncpg.Connection, ref: int, other: int, limit: int, *, unrestricted: bool
) -> tuple[list[EvidenceOnRef], int]:
    """Live evidence about this ref, what concerns the other ref too first; and how much there is."""
    rows = await connection.fetch(_LIVE_EVIDENCE, ref, other, limit, unrestricted)
    return [_evidence_from_row(row) for row in rows], rows[0]["total"] if rows else 0


async def load_weight(connection: asyncpg.Connection, ref: int) -> Weight:
    """What stands on the pathway of this ref."""
    return Weight(*(await connection.fetchrow(_PATHWAY_WEIGHT, ref)).values())


async def load_decisions(connection: asyncpg.Connection, a: int, b: int) -> list[Decision]:
    """The decisions about these two refs that were not taken back, the newest first."""
    return [Decision(*row.values()) for row in await connection.fetch(_DECISIONS, a, b, REVIEW_SOURCE)]


def _evidence_from_row(row: asyncpg.Record) -> EvidenceOnRef:
    values = {name: value for name, value in row.items() if name not in ("payload", "total")}
    return EvidenceOnRef(**values, purpose=_parse_purpose(row["payload"]))


def _parse_purpose(payload: bytes | None) -> str | None:
    """For what the evidence may be used: all that is taken of what its asserter wrote."""
    if payload is None:
        return None
    purpose = orjson.loads(open_payload(payload).data).get("purpose")
    return purpose if isinstance(purpose, str) else None
