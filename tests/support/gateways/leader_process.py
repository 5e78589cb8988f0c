"""A process that leads dispatch, and is stopped in the middle of its transaction: for tests.

    python -m support.gateways.leader_process DATABASE

It says "leads" once it leads all shards, "holds" in its transaction, and then "committed" or "refused".
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import asyncpg

from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from pathline_gateway.election import candidate as election
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS, open_pool
from pathline_gateway.streams.subscriptions import dispatch_progress_repository
from pathline_gateway.streams.subscriptions.dispatch_progress_repository import works_of
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS


async def confirms(pool: asyncpg.Pool, candidate: election.Candidate, works: Sequence[str]) -> bool:
    """Whether it leads them still, by a connection that was not ended."""
    for _ in range(20):
        with contextlib.suppress(*UNAVAILABLE_ERRORS):
            async with pool.acquire() as connection:
                return await candidate.confirm(connection, works)
    raise AssertionError("Postgres does not answer")


async def main(database: str) -> None:
    """Takes every shard, and holds its locks until it is told to go on."""
    works = works_of(ALL_SHARDS)
    async with open_pool(database, election.POOL) as own, open_pool(database) as pool:
        candidate = election.Candidate(own, [works])
        await candidate.take_part()
        async with supervised(candidate.loop, Health()):
            assert candidate.led(works) == works
            print("leads", flush=True)
            try:
                async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
                    assert await dispatch_progress_repository.try_lock(connection, ALL_SHARDS)
                    assert await candidate.confirm(connection, works)
                    await connection.execute("update dispatch_progress set change_seq = 1000000")
                    print("holds", flush=True)
                    await asyncio.to_thread(sys.stdin.readline)
                print("committed", flush=True)
            except Exception as error:
                print("refused", type(error).__name__, flush=True)
            print("leads still" if await confirms(pool, candidate, works) else "leads no more", flush=True)
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
