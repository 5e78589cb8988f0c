"""Reading a pathway: which refs it has, and their interactions in one ordered index scan a ref."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pathline_gateway.assemble.amendments import Amendment
from pathline_gateway.assemble.step import Step

_OF_REF = """
select coalesce((select pathway from membership m where m.ref = s.id and m.until is null), s.birth)
from subject_ref s where s.org = $1 and s.subject = $2
"""
# One row: where this id leads now, and of a pathway that is current its refs, in order, its revision, and whether any
# of its interactions was voided or corrected. The last entry of each ref is asked for alone: a maximum over all may be
# looked for from the end of the whole log.
_MEMBERS = """
with asked as (
    select s.id, s.org, s.subject, s.birth, m.pathway
    from subject_ref s left join membership m on m.ref = s.id and m.until is null
    where s.birth = $1
), member as (
    select id, org, subject from asked where pathway is null
    union all
    select s.id, s.org, s.subject from asked a
    join membership m on m.pathway = a.pathway and m.until is null
    join subject_ref s on s.id = m.ref
    where a.pathway = a.birth
)
select (select coalesce(pathway, birth) from asked) as pathway,
    array_agg(id order by org, subject) as numbers,
    array_agg(org order by org, subject) as orgs,
    array_agg(subject order by org, subject) as subjects,
    max((select c.seq from change c where c.ref = member.id order by c.seq desc limit 1)) as revision,
    bool_or(exists (select from amendment a where a.target_ref = member.id)) as amended
from member
"""
# The same, in the first row, and a row a step, all at one moment. Sources and types are small tables; refs are not, and
# are in the first row.
_PATHWAY = """
with asked as (
    select s.id, s.org, s.subject, s.birth, m.pathway
    from subject_ref s left join membership m on m.ref = s.id and m.until is null
    where s.birth = $1
), member as (
    select id, org, subject from asked where pathway is null
    union all
    select s.id, s.org, s.subject from asked a
    join membership m on m.pathway = a.pathway and m.until is null
    join subject_ref s on s.id = m.ref
    where a.pathway = a.birth
), head as (
    select (select coalesce(pathway, birth) from asked) as pathway,
        array_agg(id order by org, subject) as numbers,
        array_agg(org order by org, subject) as orgs,
        array_agg(subject order by org, subject) as subjects,
        max((select c.seq from change c where c.ref = member.id order by c.seq desc limit 1)) as revision,
        bool_or(exists (select from amendment a where a.target_ref = member.id)) as amended
    from member
)
select h.pathway,
    case when s.n = 1 or s.n is null then h.numbers end as numbers,
    case when s.n = 1 or s.n is null then h.orgs end as orgs,
    case when s.n = 1 or s.n is null then h.subjects end as subjects,
    h.revision, h.amended,
    s.ref, s.source, s.id, s.type, s.time, s.recordedtime, s.service, s.channel, s.activity,
    s.initiator, s.actor, s.sequence, s.trace_id, s.span_id, s.payload
from head h left join lateral (
    select row_number() over () as n, i.ref, src.source, i.id, t.type, i.time, i.recordedtime, i.service, i.channel,
        i.activity, i.initiator, i.actor, i.sequence, i.trace_id, i.span_id, i.payload
    from interaction i
    join source src on src.id = i.source
    join event_type t on t.id = i.type
    where i.ref = any(h.numbers)
) as s on true
order by s.n
"""
_HEAD = 6
"""Columns of `_PATHWAY` before those of a step."""
_AMENDMENTS = """
select src.source, a.id, e.time, e.sequence, tsrc.source as target_source, a.target_id, a.kind, e.payload
from amendment a
join evidence e on e.source = a.source and e.id = a.id
join source src on src.id = a.source
join source tsrc on tsrc.id = a.target_source
where a.target_ref = any($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Members:
    """The refs of a pathway: their numbers, and organisation and subject of each, in order."""

    pathway: UUID
    numbers: Sequence[int]
    refs: Sequence[tuple[str, str]]
    revision: int
    """Grows whenever any of these refs changes."""
    amended: bool
    """Whether any interaction under them was voided or corrected."""


async def pathway_of(connection: asyncpg.Connection, org: str, subject: str) -> UUID | None:
    """The pathway that this subject belongs to; None when nothing was ever published under it."""
    found: UUID | None = await connection.fetchval(_OF_REF, org, subject)
    return found


async def members(connection: asyncpg.Connection, pathway: UUID) -> Members | UUID | None:
    """The refs of the pathway with this id; the id that it was joined into; None when there is none."""
    return _members(await connection.fetchrow(_MEMBERS, pathway), pathway)


async def pathway(connection: asyncpg.Connection, pathway: UUID) -> tuple[Members | UUID | None, list[Step]]:
    """Its refs, as `members` says, and the interactions under them, in no order; both at one moment."""
    rows = await connection.fetch(_PATHWAY, pathway)
    found = _members(rows[0], pathway)
    if not isinstance(found, Members) or rows[0]["ref"] is None:
        return found, []
    known = dict(zip(found.numbers, found.refs, strict=True))
    return found, [_step(row, known) for row in rows]


def _members(row: asyncpg.Record, pathway: UUID) -> Members | UUID | None:
    if row["pathway"] != pathway:
        moved_to: UUID | None = row["pathway"]
        return moved_to
    refs = list(zip(row["orgs"], row["subjects"], strict=True))
    return Members(pathway, row["numbers"], refs, row["revision"] or 0, row["amended"])


def _step(row: asyncpg.Record, refs: Mapping[int, tuple[str, str]]) -> Step:
    ref, source, id, type, time, recordedtime, *columns, payload = row[_HEAD:]
    return Step._make((source, id, type, time, recordedtime, *refs[ref], *columns, *payload.split(b"\n", 1)))


async def amendments(connection: asyncpg.Connection, refs: Sequence[int]) -> list[Amendment]:
    """The voids and corrections of interactions under these refs."""
    return [amendment_of(row) for row in await connection.fetch(_AMENDMENTS, refs)]


def amendment_of(row: asyncpg.Record) -> Amendment:
    """A row of a void or a correction with its payload."""
    data = row["payload"].split(b"\n", 1)[1] if row["kind"] == "corrected" else None
    target = (row["target_source"], row["target_id"])
    return Amendment(row["source"], row["id"], row["time"], row["sequence"], target, data)
