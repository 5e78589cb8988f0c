"""Hand-offs by what was published about them: offers that nobody has answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

ANSWERS = tuple(
    f"org.pathline.handoff.{verb}.v1"
    for verb in ("accepted", "declined", "redirected", "started", "completed", "failed", "cancelled", "expired")
)
"""The types that end the waiting for an answer."""

_OFFERED = "org.pathline.handoff.offered.v1"

# Offers are few beside all else, and the partial index on hand-offs holds them all.
_UNANSWERED = """
select i.handoff, i.time, s.org, s.subject, coalesce(m.pathway, s.birth) as pathway, i.payload
from interaction i
join event_type t on t.id = i.type
join subject_ref s on s.id = i.ref
left join membership m on m.ref = s.id and m.until is null
where i.handoff is not null and t.type = $1 and not exists (
    select from interaction a join event_type at on at.id = a.type
    where a.handoff = i.handoff and at.type = any($2::text[]))
order by i.time, i.handoff
limit $3
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """A hand-off that was offered; `data` is the offer as sent."""

    handoff: str
    time: datetime
    org: str
    subject: str
    pathway: UUID
    data: bytes


async def unanswered(connection: asyncpg.Connection, limit: int) -> list[Offer]:
    """Offers that nobody has answered, the oldest first, due or not."""
    rows = await connection.fetch(_UNANSWERED, _OFFERED, ANSWERS, limit)
    return [
        Offer(r["handoff"], r["time"], r["org"], r["subject"], r["pathway"], r["payload"].split(b"\n", 1)[1])
        for r in rows
    ]
