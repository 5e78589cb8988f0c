"""Which events of hand-offs the membership writer looks at next: organisations take turns, and groups are bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository

_LOOKAHEAD: Final = 100_000
"""Events among which organisations take turns, the oldest: as for evidence that was published."""

# The first of each organisation before the second of any.
_NEXT_SEQS = """
with pending as (
    select seq, source from unseen_handoff_input order by seq limit $2
), in_turn as (
    select p.seq, row_number() over (partition by s.org order by p.seq) as nth
    from pending p join source s on s.id = p.source
)
select seq from in_turn order by nth, seq limit $1
"""
_MARK_SEEN_AHEAD = "insert into handoff_input_seen_ahead select unnest($1::bigint[]) on conflict do nothing"
_ADVANCE = """
update membership_progress p set handoff_input_seq = coalesce(
    (select min(k.seq) - 1 from unseen_handoff_input k), (select max(k.seq) from handoff_input k), p.handoff_input_seq)
"""
_DELETE_SEEN_AHEAD = (
    "delete from handoff_input_seen_ahead where seq <= (select handoff_input_seq from membership_progress)"
)


async def take_batch(connection: asyncpg.Connection, max_inputs: int, max_refs: int) -> list[asyncpg.Record]:
    """What was not seen and is seen from now on: seq, kind, handoff, source, id.

    `max_inputs`: so many are chosen, the first of each organisation before the second of any. `max_refs`: fewer, where
    the refs that these may join are connected with more; one at least.
    """
    seqs = [row["seq"] for row in await connection.fetch(_NEXT_SEQS, max_inputs, _LOOKAHEAD)]
    if not seqs:
        return []
    rows_by_seq = {row["seq"]: row for row in await event_repository.load_inputs(connection, seqs)}
    chosen = await _limit_to_refs(connection, [rows_by_seq[seq] for seq in seqs], max_refs)
    await connection.execute(_MARK_SEEN_AHEAD, [row["seq"] for row in chosen])
    await connection.execute(_ADVANCE)
    await connection.execute(_DELETE_SEEN_AHEAD)
    return chosen


async def _limit_to_refs(
    connection: asyncpg.Connection, rows: Sequence[asyncpg.Record], max_refs: int
) -> list[asyncpg.Record]:
    """The first of these, by halves: as many as are connected with so many refs."""
    chosen = list(rows)
    while len(chosen) > 1:
        refs = await event_repository.affected_refs(connection, chosen)
        if len(await membership_repository.connected_refs(connection, refs)) <= max_refs:
            break
        chosen = chosen[: len(chosen) // 2]
    return chosen
