"""A batch that is applied while its connection dies at one of its awaits, and what the tables must hold then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.postgres.pool import RegistryConnection
from support.examples import examples
from support.intake.deliveries import PARTITIONS, Expected, Log, published_events
from support.postgres.databases import Databases

Cut = dict[Partition, tuple[int, int]]
"""Of each partition's list, from which place to which."""
SLOW = examples(
    12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example takes a second: shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Crashed(BaseException):
    """The process is gone."""


class Steered:
    """A coroutine whose suspensions are counted; at the one told, something happens and it goes no further."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int | None, crash: Callable[[], None]) -> None:
        self._work, self._at, self._crash = work.__await__(), at, crash
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        failed: BaseException | None = None
        while True:
            try:
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)
            except StopIteration as done:
                return done.value
            if self.awaits == self._at:
                self._at = None
                self._crash()
                failed = Crashed()
                continue
            self.awaits += 1
            try:
                answer, failed = (yield asked), None
            except BaseException as thrown:
                failed = thrown


def batch_of(log: Log, cut: Cut, epoch: int) -> Batch:
    """These records as the consumer would hand them over."""
    cut = {p: (start, end) for p, (start, end) in cut.items() if end > start}
    readings = {p: [parse_record(record) for record in log.held(p, *places)] for p, places in cut.items()}
    fetched = {p: log.records[p][start - 1][0] + 1 if start else 0 for p, (start, _) in cut.items()}
    return Batch(readings, fetched, dict.fromkeys(cut, epoch))


@asynccontextmanager
async def connected(postgres: Databases) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def gone(watch: asyncpg.Connection, backend: int) -> None:
    """What the backend was doing is committed or rolled back."""
    async with asyncio.timeout(20):
        while await watch.fetchval("select count(*) from pg_stat_activity where pid = $1", backend):
            await asyncio.sleep(0.001)


async def crashed_at(postgres: Databases, watch: asyncpg.Connection, batch: Batch, at: int) -> bool:
    """Whether the batch was being applied still when its connection died at this await."""
    connection = await asyncpg.connect(postgres.dsn, connection_class=RegistryConnection)
    backend = connection.get_server_pid()
    work = Steered(apply_batch(connection, ApplyTarget("g", True), batch), at, connection.terminate)
    try:
        await work
    except Crashed:
        return True
    except (asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
        return True  # it met the closed connection on its way out
    finally:
        connection.terminate()
        await gone(watch, backend)
    return False


@st.composite
def logs(draw: st.DrawFn, most: int = 14) -> Log:
    """Up to so many records in three partitions, with holes as transactions leave them."""
    log = Log()
    for partition in PARTITIONS:
        for event in draw(st.lists(published_events(), max_size=most)):
            log.add(partition, event, draw(st.sampled_from([0, 0, 0, 2])))
    return log


@st.composite
def cuts(draw: st.DrawFn, log: Log, pieces: int = 3) -> list[Cut]:
    """The log, cut into batches that follow each other."""
    edges = {p: sorted(draw(st.integers(0, len(r))) for _ in range(pieces - 1)) for p, r in log.records.items()}
    whole = {p: [0, *edges[p], len(log.records[p])] for p in edges}
    return [{p: (whole[p][n], whole[p][n + 1]) for p in whole} for n in range(pieces)]


def expected_rows(log: Log, pieces: list[Cut], registered: frozenset[str] | None = None) -> Expected:
    """What the tables hold after these batches."""
    outcome = Expected(registered)
    for cut in pieces:
        for partition, (start, end) in cut.items():
            outcome.apply(partition, log.records[partition][start:end])
    return outcome


class Lossy(Steered):
    """Something happens at one await, and the coroutine goes on and meets it."""

    happened = False

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        failed: BaseException | None = None
        while True:
            try:
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)
            except StopIteration as done:
                return done.value
            if self.awaits == self._at:
                self.happened = True
                self._crash()
            self.awaits += 1
            try:
                answer, failed = (yield asked), None
            except BaseException as thrown:
                failed = thrown
