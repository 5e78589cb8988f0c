"""A pathway as it stood at an earlier moment: its refs then, and what had been received of them by then."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.pathways import kind_repository
from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.repository import PathwayMembers, amendment_from_row
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_building import build_step

# As the members of now, at a moment of the history of memberships.
_MEMBERS_AS_OF = """
with held as (
    select ref, pathway from membership where valid_from <= $2 and (valid_until is null or valid_until > $2)
), asked as (
    select s.id, s.org, s.subject, s.anchor_id, t.pathway
    from subject_ref s left join held t on t.ref = s.id
    where s.anchor_id = $1 and s.received_at <= $2
), member as (
    select id, org, subject from asked where pathway is null
    union all
    select s.id, s.org, s.subject from asked a
    join held t on t.pathway = a.pathway
    join subject_ref s on s.id = t.ref
    where a.pathway = a.anchor_id
)
select (select coalesce(pathway, anchor_id) from asked) as pathway,
    array_agg(id order by org, subject) as numbers,
    array_agg(org order by org, subject) as orgs,
    array_agg(subject order by org, subject) as subjects
from member
"""
_STEPS_AS_OF = """
select src.source, i.id, t.type, i.time, s.org, s.subject, i.kind, i.sequence, i.payload
from interaction i
join source src on src.id = i.source
join event_type t on t.id = i.type
join subject_ref s on s.id = i.ref
where i.ref = any($1::bigint[]) and i.received_at <= $2
"""
_AMENDMENTS_AS_OF = """
select src.source, a.id, e.time, e.sequence, tsrc.source as target_source, a.target_id, a.kind, e.payload
from amendment a
join evidence e on e.source = a.source and e.id = a.id
join source src on src.id = a.source
join source tsrc on tsrc.id = a.target_source
where a.target_ref = any($1::bigint[]) and e.received_at <= $2
"""


async def load_members_as_of(
    connection: asyncpg.Connection, pathway: UUID, at: datetime
) -> PathwayMembers | UUID | None:
    """The refs that this pathway had then; the id that it was joined into then; None when there was none."""
    row = await connection.fetchrow(_MEMBERS_AS_OF, pathway, at)
    if row["pathway"] != pathway:
        moved_to: UUID | None = row["pathway"]
        return moved_to
    refs = list(zip(row["orgs"], row["subjects"], strict=True))
    return PathwayMembers(pathway, row["numbers"], refs, has_amendments=True)


async def load_steps_as_of(
    connection: asyncpg.Connection, members: PathwayMembers, at: datetime
) -> tuple[list[Step], list[Amendment]]:
    """The interactions of these refs, in no order, and what amended them, received by then."""
    rows = await connection.fetch(_STEPS_AS_OF, members.numbers, at)
    kinds = await kind_repository.load_kinds(connection, {row["kind"] for row in rows if row["kind"] is not None})
    steps = [
        build_step(
            (row["source"], row["id"], row["type"], row["time"]),
            (row["org"], row["subject"]),
            kinds.get(row["kind"]),
            row["sequence"],
            row["payload"],
        )
        for row in rows
    ]
    return steps, await load_amendments_as_of(connection, members, at)


async def load_amendments_as_of(
    connection: asyncpg.Connection, members: PathwayMembers, at: datetime
) -> list[Amendment]:
    """What amended interactions of these refs, received by then."""
    rows = await connection.fetch(_AMENDMENTS_AS_OF, members.numbers, at)
    return [amendment_from_row(row) for row in rows]
