"""Hand-offs that have ended, and which of them were reported to tracing and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from pathline_gateway.handoffs.projection_row import HandoffRow

_DEQUEUE = """
delete from handoff_untold where handoff in (
    select handoff from handoff_untold order by handoff limit $1 for update skip locked)
returning handoff
"""
_UNREPORTED = """
select h.*, not exists (select from open_handoff o where o.handoff = h.handoff) as hidden
from handoff h
left join handoff_told t on t.handoff = h.handoff
where h.handoff = any($1::text[]) and h.offered is not null and h.ended is not null and t.ended is distinct from h.ended
"""
_MARK_REPORTED = """
insert into handoff_told (handoff, ended) select * from unnest($1::text[], $2::timestamptz[])
on conflict (handoff) do update set ended = excluded.ended
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
    await connection.execute(_MARK_REPORTED, [r.handoff for r in records], [r.ended for r in records])
