"""Which events are known, by source and id, and what they say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from pathline_gateway.pathways.stored_form import kept_content

# The number of the source is looked up for itself: in a join, a planner that has no statistics yet may look through all
# events of a source for each id.
_KNOWN = """
select k.source, e.id, e.digest
from unnest($1::text[], $2::text[]) as k(source, id)
join lateral (
    select i.id, i.digest from event_identity i
    where i.source = (select s.id from source s where s.source = k.source) and i.id = k.id
) e on true
"""
_CONTENTS = """
select s.source, e.id, t.type, coalesce(r.subject, v.subject) as subject,
    coalesce(i.sequence, v.sequence) as sequence, coalesce(i.payload, v.payload) as payload
from unnest($1::text[], $2::text[]) as k(source, id)
join source s on s.source = k.source
join event_identity e on e.source = s.id and e.id = k.id
left join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
left join evidence v on e.ref is null and v.source = e.source and v.id = e.id
left join subject_ref r on r.id = i.ref
join event_type t on t.id = coalesce(i.type, v.type)
"""

Identity = tuple[str, str]
"""Source and event id."""
_SUBJECTS = """
select e.id, r.subject from event_identity e
join source s on s.id = e.source join subject_ref r on r.id = e.ref
where s.source = $1 and e.id = any($2::text[])
"""


async def known_digests(connection: asyncpg.Connection, identities: Sequence[Identity]) -> dict[Identity, bytes]:
    """The content digest of each of these events (source, id) that is stored."""
    rows = await connection.fetch(_KNOWN, [i[0] for i in identities], [i[1] for i in identities])
    return {(row["source"], row["id"]): row["digest"] for row in rows}


async def find_contents(
    connection: asyncpg.Connection, identities: Collection[Identity]
) -> dict[Identity, tuple[str, str, str | None, bytes]]:
    """Type, subject, sequence and payload of each of these events that is stored."""
    rows = await connection.fetch(_CONTENTS, [i[0] for i in identities], [i[1] for i in identities])
    return {(r["source"], r["id"]): (r["type"], r["subject"], r["sequence"], kept_content(r["payload"])) for r in rows}


async def find_subjects(connection: asyncpg.Connection, source: str, ids: Collection[str]) -> dict[str, str]:
    """Whose these steps of one source are, by id; those that are not known are left out."""
    rows = await connection.fetch(_SUBJECTS, source, list(ids))
    return {row["id"]: row["subject"] for row in rows}
