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
# The last entry of each ref is asked for alone: a maximum over all may be looked for from the end of the whole log.
# One row: where this id leads now, and of a pathway that is current its refs, in order, its revision, and whether any
# of its interactions was voided or corrected.
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
# Sources and types are small tables; refs are not, and the reader of a pathway has them already.
_STEPS = """
select (select max(last.seq) from unnest($1::bigint[]) as r(ref),
        lateral (select c.seq from change c where c.ref = r.ref order by c.seq desc limit 1) as last) as revision,
    i.ref, src.source, i.id, t.type, i.time, i.recordedtime, i.service, i.channel, i.activity,
    i.initiator, i.actor, i.sequence, i.trace_id, i.span_id, i.payload
from interaction i
join source src on src.id = i.source
join event_type t on t.id = i.type
where i.ref = any($1::bigint[])
"""
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
    row = await connection.fetchrow(_MEMBERS, pathway)
    if row["pathway"] != pathway:
        moved_to: UUID | None = row["pathway"]
        return moved_to
    refs = list(zip(row["orgs"], row["subjects"], strict=True))
    return Members(pathway, row["numbers"], refs, row["revision"] or 0, row["amended"])


async def steps(connection: asyncpg.Connection, of: Members) -> list[Step] | None:
    """The interactions under these refs; None when one of them has changed since `of` was read."""
    rows = await connection.fetch(_STEPS, of.numbers)
    if rows and (rows[0]["revision"] or 0) != of.revision:
        return None
    known = dict(zip(of.numbers, of.refs, strict=True))
    return [_step(row, known) for row in rows]


def _step(row: asyncpg.Record, refs: Mapping[int, tuple[str, str]]) -> Step:
    _, ref, source, id, type, time, recordedtime, *columns, payload = row.values()
    return Step._make((source, id, type, time, recordedtime, *refs[ref], *columns, *payload.split(b"\n", 1)))


async def amendments(connection: asyncpg.Connection, refs: Sequence[int]) -> list[Amendment]:
    """The voids and corrections of interactions under these refs."""
    return [_amendment(row) for row in await connection.fetch(_AMENDMENTS, refs)]


def _amendment(row: asyncpg.Record) -> Amendment:
    data = row["payload"].split(b"\n", 1)[1] if row["kind"] == "corrected" else None
    target = (row["target_source"], row["target_id"])
    return Amendment(row["source"], row["id"], row["time"], row["sequence"], target, data)
