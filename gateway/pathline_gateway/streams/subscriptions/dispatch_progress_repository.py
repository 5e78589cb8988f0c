"""How far dispatch has come in the change log, shard by shard, and who may write that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS

# A shard without subscriptions has nothing to look at. One with new ones alone begins where the first of them does.
_POSITIONS = """
select p.shard, greatest(p.change_seq, min(s.start_seq)) as seq
from dispatch_progress p join subscription s on s.shard = p.shard
where p.shard = any($1::smallint[]) and not exists (select from replay r where r.subscription = s.id)
group by p.shard, p.change_seq
"""
# A page of the change log ends at the last of so many entries.
_END = """
select max(seq) as seq from (
    select seq from change_log where seq > $1 and ($3::bigint is null or seq <= $3) order by seq limit $2
) as c
"""
_PASSED_END = """
select max(seq) as seq from (
    select seq from change_log
    where seq > $1 and seq <= (select change_seq from dispatch_progress where shard = $3) order by seq limit $2
) as c
"""
_ADVANCE = "update dispatch_progress set change_seq = $2 where shard = any($1::smallint[])"
_THROUGH = "select change_seq from dispatch_progress where shard = $1"


class LogPage(NamedTuple):
    """Entries of the change log after one and up to another, and the shards that stand there."""

    shards: frozenset[int]
    begin: int
    end: int


async def try_lock(connection: asyncpg.Connection, shards: Collection[int]) -> bool:
    """Whether this transaction has the dispatch locks of these shards, of all processes."""
    return await advisory_locks.try_lock_for_parts(connection, AdvisoryLock.DISPATCH, sorted(shards))


async def wait_for_lock(connection: asyncpg.Connection) -> None:
    """This transaction has the dispatch locks of all shards to its end."""
    await advisory_locks.lock_for_parts(connection, AdvisoryLock.DISPATCH, ALL_SHARDS)


async def next_page(connection: asyncpg.Connection, shards: Collection[int], entries: int) -> LogPage | None:
    """What those of these shards look at that are furthest behind; None where there is nothing new for any.

    It ends where others of them stand: from there on they go together, and each page is read once for all.
    """
    positions = {row["shard"]: row["seq"] for row in await connection.fetch(_POSITIONS, list(shards))}
    while positions:
        begin = min(positions.values())
        behind = frozenset(shard for shard, seq in positions.items() if seq == begin)
        until = min((seq for seq in positions.values() if seq > begin), default=None)
        end = await connection.fetchval(_END, begin, entries, until)
        if end is not None:
            return LogPage(behind, begin, end)
        if until is None:
            return None
        # Nothing lies between: numbers of the log may be left out.
        positions |= dict.fromkeys(behind, until)
    return None


async def advance(connection: asyncpg.Connection, shards: Collection[int], through: int) -> None:
    """These have looked at everything up to this entry."""
    await connection.execute(_ADVANCE, list(shards), through)


async def dispatched_through(connection: asyncpg.Connection, shard: int) -> int:
    """Up to which entry the subscriptions of this shard were given what they want."""
    return int(await connection.fetchval(_THROUGH, shard))


async def catch_up_end(connection: asyncpg.Connection, shard: int, after: int, entries: int) -> int | None:
    """The last of so many entries after this one that were looked at for the shard; None where there is none."""
    end: int | None = await connection.fetchval(_PASSED_END, after, entries, shard)
    return end


def works_of(shards: Sequence[int]) -> list[str]:
    """What the dispatch of these shards is called where works are elected."""
    return [f"dispatch-{shard}" for shard in shards]
