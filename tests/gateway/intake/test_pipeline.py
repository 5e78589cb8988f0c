"""What was polled is stored in order, forgotten when it is told to be, and never heaps up."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import FetchedBeyondPosition
from pathline_gateway.intake.pipeline import Pipeline
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.kafka.offset_repository import Partition
from support.intake.deliveries import DOOR, OWN, ConsumedRecord, Log, PublishedEvent, published_events

ALIVE = 3
"""One is read, one waits, one is stored."""


class Storing:
    """Postgres, as the pipeline sees it: takes one batch at a time, when it is let."""

    def __init__(self, *, slow: bool = False) -> None:
        self.taken: list[Batch] = []
        self.may = asyncio.Semaphore(0 if slow else 1_000_000)
        self.beyond: FetchedBeyondPosition | None = None
        self.alone = True
        self._busy = False

    async def persist(self, batch: Batch) -> None:
        self.alone &= not self._busy
        self._busy = True
        try:
            await self.may.acquire()
            if self.beyond is not None:
                raised, self.beyond = self.beyond, None
                raise raised
            self.taken.append(batch)
        finally:
            self._busy = False

    def ids(self) -> list[int]:
        return [r.record.offset for batch in self.taken for r in batch.parsed_records[DOOR]]


@asynccontextmanager
async def flowing(
    storing: Storing, refetch: Callable[[FetchedBeyondPosition], None] = lambda _: None
) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(storing, "g", refetch)  # type: ignore[arg-type]
    async with supervised(pipeline.loop, Health()):
        yield pipeline


def records(start: int, n: int) -> dict[Partition, list[ConsumedRecord]]:
    log = Log()
    for id in range(start + n):
        log.add(DOOR, PublishedEvent("step", "clinic", id, 0, 0))
    return {DOOR: log.held(DOOR, start, start + n)}


async def take(pipeline: Pipeline, start: int, n: int) -> None:
    await pipeline.enqueue(records(start, n), {DOOR: start}, {DOOR: 1})


async def turned(until: Callable[[], object]) -> None:
    """The loop has turned until this holds."""
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0)


@given(st.lists(st.integers(1, 150), max_size=8))
async def test_what_is_taken_is_stored_whole_in_order_one_batch_at_a_time(sizes: list[int]) -> None:
    storing = Storing()
    async with flowing(storing) as pipeline:
        at = 0
        for size in sizes:
            await take(pipeline, at, size)
            at += size
        await pipeline.drain(10)
    assert storing.ids() == list(range(at))
    assert [len(batch) for batch in storing.taken] == sizes
    assert storing.alone


@given(st.lists(published_events(), max_size=40), st.lists(published_events(), max_size=40))
async def test_each_record_of_a_batch_is_read_for_itself_in_its_place(
    one: list[PublishedEvent], two: list[PublishedEvent]
) -> None:
    log, storing = Log(), Storing()
    for partition, said in ((DOOR, one), (OWN, two)):
        for each in said:
            log.add(partition, each)
    held = {p: log.held(p, 0, len(log.records[p])) for p in log.records}
    async with flowing(storing) as pipeline:
        await pipeline.enqueue(held, dict.fromkeys(held, 0), dict.fromkeys(held, 1))
        await pipeline.drain(10)
    (batch,) = storing.taken
    assert batch.parsed_records == {p: [parse_record(record) for record in found] for p, found in held.items()}


async def test_what_waits_is_forgotten_when_the_consumer_stands_elsewhere_and_what_is_being_stored_is_not() -> None:
    storing = Storing(slow=True)
    async with flowing(storing) as pipeline:
        await take(pipeline, 0, 2)
        await turned(lambda: pipeline._is_storing)
        await take(pipeline, 2, 2)
        reading = asyncio.ensure_future(take(pipeline, 4, 500))
        await asyncio.sleep(0)
        pipeline.drop()
        for _ in range(3):
            storing.may.release()
        await reading
        await take(pipeline, 2, 3)
        await pipeline.drain(10)
    assert storing.ids() == [0, 1, 2, 3, 4]


async def test_after_a_gap_everything_read_is_dropped_before_it_is_fetched_again() -> None:
    storing, refetched = Storing(slow=True), list[FetchedBeyondPosition]()
    beyond = FetchedBeyondPosition({DOOR: 0})
    async with flowing(storing, refetched.append) as pipeline:
        storing.beyond = beyond
        await take(pipeline, 5, 2)
        await turned(lambda: pipeline._is_storing)
        await take(pipeline, 7, 2)
        storing.may.release()
        await turned(lambda: refetched)
        for _ in range(3):
            storing.may.release()
        await turned(lambda: not pipeline.is_busy)
        await take(pipeline, 0, 9)
        await pipeline.drain(10)
    assert refetched == [beyond]
    assert storing.ids() == list(range(9))


async def test_never_more_than_three_batches_are_held_and_the_poll_waits_for_postgres() -> None:
    storing = Storing(slow=True)
    alive: weakref.WeakSet[ConsumedRecord] = weakref.WeakSet()

    async def polls() -> None:
        for n in range(20):
            held = records(n, 1)
            for record in held[DOOR]:
                alive.add(record)
            await pipeline.enqueue(held, {DOOR: n}, {DOOR: 1})

    async with flowing(storing) as pipeline:
        gc.freeze()  # what was there before is not looked at: nothing of it is a record of this test
        polling = asyncio.ensure_future(polls())
        for n in range(20):
            for _ in range(20):
                await asyncio.sleep(0)
            gc.collect()
            assert len(alive) <= ALIVE, n
            assert len(storing.taken) == n
            storing.may.release()
            await turned(lambda n=n: len(storing.taken) == n + 1)  # type: ignore[misc]
            storing.taken[-1] = Batch({}, {}, {})
        await polling


@pytest.mark.parametrize("stuck", [False, True], ids=["postgres answers", "postgres does not"])
async def test_a_drain_stores_what_was_taken_takes_nothing_more_and_waits_no_longer_than_told(stuck: bool) -> None:
    storing = Storing(slow=True)
    async with flowing(storing) as pipeline:
        await take(pipeline, 0, 3)
        await take(pipeline, 3, 3)
        draining = asyncio.ensure_future(pipeline.drain(0.2 if stuck else 10))
        await asyncio.sleep(0)
        await take(pipeline, 6, 3)
        if not stuck:
            storing.may.release()
            storing.may.release()
        async with asyncio.timeout(10):
            await draining
    assert storing.ids() == ([] if stuck else [0, 1, 2, 3, 4, 5])


@given(st.data())
@settings(deadline=None)
async def test_halves_come_to_the_same_as_the_whole(data: st.DataObject) -> None:
    """Taking a batch apart keeps every record once, in order, and leaves no gap between the halves."""
    log = Log()
    for partition in (DOOR, OWN):
        for said in data.draw(st.lists(published_events(), min_size=1, max_size=9)):
            log.add(partition, said, data.draw(st.integers(0, 2)))
    whole = Batch(
        {p: [parse_record(r) for r in log.held(p, 0, len(found))] for p, found in log.records.items()},
        dict.fromkeys(log.records, 0),
        dict.fromkeys(log.records, 1),
    )
    stands = dict.fromkeys(log.records, 0)
    got: dict[Partition, list[int]] = {p: [] for p in log.records}
    pending = [whole]
    while pending:
        batch = pending.pop(0)
        if len(batch) > 1 and data.draw(st.booleans()):
            pending[:0] = batch.halves()
            continue
        assert not batch.leaves_gap(stands)
        for p, found in batch.unapplied_records(stands).items():
            got[p] += [r.record.offset for r in found]
            stands[p] = got[p][-1] + 1
    assert got == {p: [offset for offset, _ in found] for p, found in log.records.items()}
