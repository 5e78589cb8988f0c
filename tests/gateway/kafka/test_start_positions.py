"""Whatever becomes of a log, and whenever intake is restarted: the log that there is now is read whole."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import asyncpg
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.kafka import offset_repository
from pathline_gateway.kafka.log_identity import PartitionView
from pathline_gateway.kafka.log_inspector import LogInspector
from pathline_gateway.kafka.offset_repository import Epochs, Partition, Position
from pathline_gateway.kafka.start_positions import StartPositionResolver
from support.examples import examples

P: Partition = ("pathline.in.clinic", 0)


@dataclass
class Broker:
    """One partition, its records told apart by their digests; and a client that looks at it."""

    log: list[bytes] = field(default_factory=list)
    silent: bool = False
    made: count[int] = field(default_factory=count)

    def grow(self, n: int) -> None:
        self.log += [next(self.made).to_bytes(16) for _ in range(n)]

    def make_again(self, n: int) -> None:
        self.log = []
        self.grow(n)

    async def inspect(self, at: Mapping[Partition, Position]) -> dict[Partition, PartitionView]:
        before = {p: position.next_offset - 1 for p, position in at.items()}
        digests = {p: self.log[n] if 0 <= n < len(self.log) else None for p, n in before.items()}
        return {} if self.silent else {p: PartitionView(0, len(self.log), digest) for p, digest in digests.items()}


@dataclass
class Process:
    """An intake, as far as it reads and stores."""

    pool: asyncpg.Pool
    group: str
    broker: Broker
    read: set[bytes] = field(default_factory=set)
    at: int = 0
    epochs: Epochs = field(default_factory=lambda: Epochs(0, {}))

    async def restart(self) -> None:
        async with self.pool.acquire() as connection:
            cluster = await offset_repository.open_epoch(connection, "a cluster")
        self.stand = StartPositionResolver(self.pool, self.group, cluster, cast(LogInspector, self.broker))
        await self.stand_again()

    async def stand_again(self) -> None:
        self.epochs, start = await self.stand.resolve([P])
        self.at = start[P]

    async def consume(self, n: int) -> None:
        if self.at > len(self.broker.log):  # the broker says so, and the consumer stands again
            await self.stand_again()
        if some := self.broker.log[self.at : self.at + n]:
            self.read |= {*some}
            self.at += len(some)
            epoch = {P: self.epochs.for_topic(P[0])}
            async with self.pool.acquire() as connection, connection.transaction():
                await offset_repository.lock(connection, self.group, epoch)
                await offset_repository.advance(connection, self.group, epoch, {P: (self.at, some[-1])})
            await self.stand.checkpoint_new_logs({P: Position(self.at, some[-1])}, epoch)

    async def audit(self) -> None:
        if await self.stand.any_replaced([P]):
            await self.stand_again()


MOVES = st.lists(
    st.tuples(
        st.sampled_from(("grow", "make again", "consume", "consume", "audit", "restart", "silent", "heard")),
        st.integers(0, 6),
    ),
    max_size=25,
)


async def _run(database: str, moves: list[tuple[str, int]]) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=2)
    broker = Broker()
    process = Process(pool, secrets.token_hex(8), broker)
    try:
        # Epochs are of all groups: this example's log is no other's.
        async with pool.acquire() as connection:
            await connection.execute("truncate log_epoch, consumer_position, log_checkpoint, expired_records cascade")
        await process.restart()
        for what, n in moves:
            match what:
                case "grow":
                    broker.grow(n)
                case "make again":
                    broker.make_again(n)
                case "consume":
                    await process.consume(n)
                case "audit":
                    await process.audit()
                case "restart":
                    await process.restart()
                case _:
                    broker.silent = what == "silent"
        broker.silent = False
        await process.restart()
        await process.consume(len(broker.log) + 1)
        assert process.read >= {*broker.log}
        assert not await process.stand.any_replaced([P]), "and is known for what it is"
    finally:
        await pool.close()


@examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_the_log_that_there_is_now_is_read_whole(database: str, moves: list[tuple[str, int]]) -> None:
    asyncio.run(_run(database, moves))


def test_a_log_that_outgrew_our_position_unseen_is_noticed_after_a_restart(database: str) -> None:
    """It was made again, consumed on, and only the restart looks: the digest beside the position is the new log's."""
    moves = [("grow", 5), ("consume", 5), ("make again", 6), ("grow", 6), ("consume", 3), ("restart", 0)]
    asyncio.run(_run(database, moves))


async def test_what_is_stored_of_the_log_before_says_nothing_of_the_one_that_is_there_now(database: str) -> None:
    """A batch is tried again for long; meanwhile the topic is made again, and read as a new log."""
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        broker = Broker()
        slow, other = Process(pool, "clinic", broker), Process(pool, "clinic", broker)
        await slow.restart()
        broker.grow(5)
        await slow.consume(2)
        was = {P: slow.epochs.for_topic(P[0])}
        broker.make_again(6)
        await other.restart()
        assert other.epochs.for_topic(P[0]) != was[P]
        await slow.stand.checkpoint_new_logs({P: Position(4, b"of the log before")}, was)
        await other.consume(6)
        assert not await other.stand.any_replaced([P])
        assert other.read == {*broker.log}


async def test_a_log_that_another_process_found_to_be_a_new_one_is_a_new_one_here(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        process = Process(pool, "clinic", Broker())
        await process.restart()
        process.broker.grow(3)
        await process.consume(3)
        assert not await process.stand.any_replaced([P])
        async with pool.acquire() as connection:
            await offset_repository.open_topic_epoch(connection, process.epochs, P[0], "its other partition is another")
        assert await process.stand.any_replaced([P])
        await process.stand_again()
        assert process.at == 0
        assert not await process.stand.any_replaced([P])
