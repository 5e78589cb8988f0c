"""Reading a pathway: which refs it has, and their interactions in one ordered index scan a ref."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pathline_gateway.assemble.amendments import Amendment
from pathline_gateway.assemble.step import Step

_OF_REF = """
select coalesce((select pathway from membership m where m.ref = s.id and m.until is null), s.birth)
from subject_ref s where s.org = $1 and s.subject = $2
"""
_OF_ID = """
select coalesce((select pathway from membership m where m.ref = s.id and m.until is null), s.birth)
from subject_ref s where s.birth = $1
"""
_REFS = """
select s.id, s.org, s.subject from subject_ref s
where s.id in (select ref from membership where pathway = $1 and until is null)
   or (s.birth = $1 and not exists (select from membership m where m.ref = s.id and m.until is null))
order by s.org, s.subject
"""
_VERSION = "select coalesce(max(seq), 0) from change where ref = any($1::bigint[])"
_STEPS = """
select src.source, i.id, t.type, i.time, i.recordedtime, src.org, s.subject, i.service, i.channel, i.activity,
    i.initiator, i.actor, i.sequence, i.trace_id, i.span_id, i.payload
from interaction i
join source src on src.id = i.source
join event_type t on t.id = i.type
join subject_ref s on s.id = i.ref
where i.ref = any($1::bigint[])
order by i.ref, i.time
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
    """The refs of a pathway: their numbers, and organisation and subject of each."""

    pathway: UUID
    numbers: Sequence[int]
    refs: Sequence[tuple[str, str]]


async def pathway_of(connection: asyncpg.Connection, org: str, subject: str) -> UUID | None:
    """The pathway that this subject belongs to; None when nothing was ever published under it."""
    found: UUID | None = await connection.fetchval(_OF_REF, org, subject)
    return found


async def current(connection: asyncpg.Connection, pathway: UUID) -> UUID | None:
    """The pathway that this id means now: itself, or the one that its ref was joined into."""
    found: UUID | None = await connection.fetchval(_OF_ID, pathway)
    return found


async def members(connection: asyncpg.Connection, pathway: UUID) -> Members:
    """The refs of a current pathway."""
    rows = await connection.fetch(_REFS, pathway)
    return Members(pathway, [r["id"] for r in rows], [(r["org"], r["subject"]) for r in rows])


async def revision(connection: asyncpg.Connection, refs: Sequence[int]) -> int:
    """Grows whenever any of these refs changes."""
    return int(await connection.fetchval(_VERSION, refs))


async def steps(connection: asyncpg.Connection, refs: Sequence[int]) -> list[Step]:
    """The interactions under these refs."""
    return [_step(row) for row in await connection.fetch(_STEPS, refs)]


def _step(row: asyncpg.Record) -> Step:
    columns = dict(row)
    extra, data = columns.pop("payload").split(b"\n", 1)
    return Step(**columns, extra=extra, data=data)


async def amendments(connection: asyncpg.Connection, refs: Sequence[int]) -> list[Amendment]:
    """The voids and corrections of interactions under these refs."""
    return [_amendment(row) for row in await connection.fetch(_AMENDMENTS, refs)]


def _amendment(row: asyncpg.Record) -> Amendment:
    data = row["payload"].split(b"\n", 1)[1] if row["kind"] == "corrected" else None
    target = (row["target_source"], row["target_id"])
    return Amendment(row["source"], row["id"], row["time"], row["sequence"], target, data)
