"""The revisions of a ref: answers of a pull change when they do, or when an instant passes."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

# A hand-off is told on each pathway that names it, by what was published about it on all others. The refs are an array:
# so each is looked up by the index, however many are expected.
_MOVE = """
with named as materialized (
    select i.ref from unnest($2::text[]) h(handoff)
    cross join lateral (select ref from interaction where handoff = h.handoff offset 0) i
    union
    select e.ref from unnest($2::text[]) h(handoff)
    cross join lateral (select source, id from handoff_input where kind = 'amended' and handoff = h.handoff offset 0) m
    cross join lateral (select ref from event_identity where source = m.source and id = m.id offset 0) e
    where e.ref is not null
)
update subject_ref s
set revision = (select max(seq) from change_log),
    names_handoff = s.names_handoff or s.id = any(array(select ref from named))
where s.id = any(array(select unnest($1::bigint[]) union select ref from named))
"""
# Those that steps under these refs name, and those that what was corrected of them named or names.
_HANDOFFS_OF_REFS = """
select i.handoff from interaction i where i.ref = any($1::bigint[]) and i.handoff is not null
union
select m.handoff from amendment a
join handoff_input m on m.kind = 'amended' and m.source = a.target_source and m.id = a.target_id
where a.target_ref = any($1::bigint[]) and m.handoff is not null
"""

_MOVE_CONSENTS = """
update subject_ref s set consent_revision = s.consent_revision + 1
from unnest($1::text[], $2::text[]) as r(org, subject) where s.org = r.org and s.subject = r.subject
"""


async def move(connection: asyncpg.Connection, refs: Collection[int], handoffs: Collection[str] = ()) -> None:
    """These refs, and those that name one of these hand-offs, have a new revision.

    Call under the change-log lock, after the entries of these refs were appended.
    """
    await connection.execute(_MOVE, sorted(refs), sorted(handoffs))


async def handoffs_of(connection: asyncpg.Connection, refs: Collection[int]) -> set[str]:
    """The hand-offs that steps under these refs name, as they were sent or corrected."""
    return {row["handoff"] for row in await connection.fetch(_HANDOFFS_OF_REFS, list(refs))}


async def move_consents(connection: asyncpg.Connection, refs: Collection[tuple[str, str]]) -> None:
    """These refs (organisation and subject), where they exist, have a new revision of consents.

    Call under the change-log lock: whoever moves several waits for nobody then.
    """
    ordered = sorted(set(refs))
    await connection.execute(_MOVE_CONSENTS, [org for org, _ in ordered], [subject for _, subject in ordered])
