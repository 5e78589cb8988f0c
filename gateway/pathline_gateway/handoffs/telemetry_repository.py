"""Hand-offs that have ended, and which of them were reported to tracing and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from pathline_gateway.handoffs.projection_row import HandoffRow

_DEQUEUE = """
delete from handoff_telemetry_pending where handoff in (
    select handoff from handoff_telemetry_pending order by handoff limit $1 for update skip locked)
returning handoff
"""
_UNREPORTED = """
select h.*, not exists (select from unconcealed_handoff o where o.handoff = h.handoff) as hidden
from handoff h
left join handoff_telemetry_sent t on t.handoff = h.handoff
where h.handoff = any($1::text[]) and h.offered_at is not null and h.ended_at is not null
    and t.ended_at is distinct from h.ended_at
"""
_MARK_REPORTED = """
insert into handoff_telemetry_sent (handoff, ended_at) select * from unnest($1::text[], $2::timestamptz[])
on conflict (handoff) do update set ended_at = excluded.ended_at
"""


class EndedHandoff(NamedTuple):
    """A hand-off that has ended; `is_concealed`: nobody but its own side may know of it."""

    record: HandoffRow
    is_concealed: bool


async def dequeue(connection: asyncpg.Connection, limit: int) -> list[str]:
    """Some that may have to be told; they are looked at once."""
    return [row["handoff"] for row in await connection.fetch(_DEQUEUE, limit)]


async def unreported(connection: asyncpg.Connection, handoffs: Sequence[str]) -> list[EndedHandoff]:
    """Those of these that were not told since they ended as they have now."""
    rows = [list(row.values()) for row in await connection.fetch(_UNREPORTED, list(handoffs))]
    return [EndedHandoff(HandoffRow(*row[:-1]), row[-1]) for row in rows]


async def mark_reported(connection: asyncpg.Connection, records: Sequence[HandoffRow]) -> None:
    """These were told as they ended."""
    await connection.execute(_MARK_REPORTED, [r.handoff for r in records], [r.ended_at for r in records])
