"""SQL that finds what the names of readers stand for: all of them in one statement, each by an index."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from pathline_gateway.pathways.named_values import NamedValue
from pathline_gateway.visibility.name_identities import EventIdentity

# A hand-off may be named before it is offered, by a step or by a correction alone. Each branch looks along its own
# index, month by month for steps, and stops at the first row.
_FIND = """
select 'handoff' as kind, k.n, '' as within, h.handoff as id
from unnest($1::bytea[]) with ordinality as k(digest, n)
cross join lateral (
    select i.handoff from interaction i where i.handoff is not null and name_digest(i.handoff) = k.digest
    union all
    select q.handoff from handoff_input q
    where q.kind = 'amended' and q.handoff is not null and name_digest(q.handoff) = k.digest
    limit 1
) h
union all
select 'event', k.n, e.source, e.id
from unnest($2::uuid[], $3::timestamptz[], $4::bytea[]) with ordinality as k(anchor_id, time, digest, n)
cross join lateral (
    select s.source, i.id from interaction i join source s on s.id = i.source
    where i.ref = (select r.id from subject_ref r where r.anchor_id = k.anchor_id) and i.time = k.time
        and name_digest(s.source || ' ' || i.id) = k.digest
    limit 1
) e
union all
select 'subject', k.n, r.org, r.subject
from unnest($5::text[], $6::text[]) with ordinality as k(org, subject, n)
join subject_ref r on r.org = k.org and r.subject = k.subject
"""


async def find_named(
    connection: asyncpg.Connection,
    handoffs: Sequence[bytes],
    events: Sequence[EventIdentity],
    people: Sequence[tuple[str, str]],
) -> tuple[dict[bytes, NamedValue], dict[EventIdentity, NamedValue], dict[tuple[str, str], NamedValue]]:
    """The hand-offs with these digests, the events, the people (organisation and pseudonym): those that there are."""
    rows = await connection.fetch(
        _FIND,
        handoffs,
        [each.anchor_id for each in events],
        [each.time for each in events],
        [each.digest for each in events],
        [org for org, _ in people],
        [subject for _, subject in people],
    )
    found = {(row["kind"], row["n"] - 1): NamedValue(row["kind"], row["within"], row["id"]) for row in rows}
    return (
        {each: found["handoff", n] for n, each in enumerate(handoffs) if ("handoff", n) in found},
        {each: found["event", n] for n, each in enumerate(events) if ("event", n) in found},
        {each: found["subject", n] for n, each in enumerate(people) if ("subject", n) in found},
    )
