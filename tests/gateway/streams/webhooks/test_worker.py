"""A line that is handed what comes, beside books that a test keeps: each pathway in order, and nothing forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest

from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTraceKey
from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, classify_response
from pathline_gateway.streams.webhooks.batched_store import DeliveryBatcher, FetchRequest, FetchResult
from pathline_gateway.streams.webhooks.concurrency import MAX_IN_FLIGHT, ConcurrencyLimiter
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.delivery_rows import (
    LeaseRelease,
    PendingEvent,
    SettlementRows,
    SinkState,
)
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.streams.webhooks.pushed_events import PushedEvent, PushedEvents, startable_prefix
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule
from pathline_gateway.streams.webhooks.worker import SinkWorker
from pathline_gateway.streams.webhooks.worker_context import WorkerContext

ID = UUID(int=9)
A, B = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
POLICY = DeliveryPolicy(base_s=0.01, cap_s=0.01, sink_cap_s=0.01, client_error_age=timedelta())


def message_of(number: int) -> WebhookMessage:
    return WebhookMessage(str(number), b"", DeliveryTraceKey(b"").trace(ID, number), "reader")


@dataclass
class Ledger:
    """What Postgres keeps of one sink, and what the sink is posted."""

    lanes: list[UUID] = field(default_factory=list)
    """The pathway of each number, from 1 on, as it is now."""
    read_to: int = 0
    consecutive_failures: int = 0
    failing_since: datetime | None = None
    changed: int = 0
    held: dict[int, PendingEvent] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    looks: int = 0
    asked: list[FetchRequest] = field(default_factory=list)
    may_look: asyncio.Event = field(default_factory=asyncio.Event)
    waits: int = 0
    """Who has asked, and may not look yet."""
    slots: ConcurrencyLimiter = field(default_factory=ConcurrencyLimiter)
    on_way: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    took: list[int] = field(default_factory=list)
    policy: DeliveryPolicy = POLICY

    def __post_init__(self) -> None:
        self.may_look.set()

    def free(self) -> int:
        """How many more may be on their way, but for those that are kept."""
        got = self.slots.acquire(MAX_IN_FLIGHT, 1, "reader")
        self.slots.release(got, "reader")
        return got

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def post(
        self, _url: str, message: WebhookMessage, _keys: list[str], _failed: int, _attempts: int
    ) -> AttemptResult:
        number = int(message.id)
        earlier = [n for n in range(1, number) if self.lanes[n - 1] == self.lanes[number - 1]]
        assert {*earlier} <= {*self.took, *self.failed}, f"{number} was begun before one of {earlier} was done"
        answer = self.on_way[number] = asyncio.get_running_loop().create_future()
        self.begun.append(number)
        try:
            status = await answer
        finally:
            self.on_way.pop(number)
        if status == 204:
            self.took.append(number)
        return classify_response(status, None, NOW, 1.0)

    def state(self) -> SinkState:
        standing = (self.consecutive_failures, self.failing_since, self.changed)
        return SinkState("https://sink.test/", None, self.read_to, NOW, *standing, False, len(self.lanes), 0)

    def next(self, number: int) -> PendingEvent:
        fresh = PendingEvent(number, NOW, None, 0, None, None, False)
        return self.held.get(number, fresh)._replace(ordering_key=self.lanes[number - 1])

    async def fetch(self, asked: FetchRequest) -> FetchResult:
        await asyncio.sleep(0)
        self.waits += 1
        await self.may_look.wait()
        self.waits -= 1
        self.looks += 1
        self.asked.append(asked)
        state = self.state()
        ahead = range(self.read_to + 1, min(len(self.lanes), self.read_to + asked.lookahead) + 1)
        found = [self.next(number) for number in sorted({*self.held, *ahead} - self.failed)]
        plan = asked.planner.reserve_and_schedule(state, found, asked.free_slots)
        await self.hold([(ID, number) for number in plan.hold])
        by_number = {each.number: each for each in found}
        look = FetchResult(state, "reader", (), plan, [(by_number[n], message_of(n)) for n in plan.start])
        await asyncio.sleep(0)
        return look

    async def claim_turn(self, _state: SinkState, _org: str, _n: int, *, has_more: bool) -> None:
        assert has_more in (True, False)

    async def hold(self, numbers: Sequence[tuple[UUID, int]]) -> None:
        for _, number in numbers:
            self.held.setdefault(number, self.next(number)._replace(next_attempt_at=NOW, is_held=True))

    async def settle(self, _: UUID, what: SettlementRows) -> bool:
        await asyncio.sleep(0)
        self.read_to, self.consecutive_failures, self.failing_since = (
            what.acked_through,
            what.consecutive_failures,
            what.failing_since,
        )
        for each in what.retries:
            known = self.next(each.number)
            self.held[each.number] = known._replace(attempts=known.attempts + 1, next_attempt_at=each.at, is_held=True)
        self.failed |= {each.number for each in what.dead_letters}
        for number in (*what.delivered, *(each.number for each in what.dead_letters)):
            self.held.pop(number, None)
        await asyncio.sleep(0)
        return True

    async def release(self, _: LeaseRelease) -> bool:
        return False

    def answer(self, number: int, status: int = 204) -> None:
        self.on_way[number].set_result(status)

    def give(self, line: SinkWorker, *lanes: UUID, at_hand: bool = True) -> None:
        """These are given, and told in the transaction that gives them."""
        after = len(self.lanes)
        self.lanes += lanes
        some = [PushedEvent(self.next(n), message_of(n)) for n in range(after + 1, len(self.lanes) + 1)]
        if at_hand and line.is_caught_up_to(after):
            ways = {n: self.lanes[n - 1] for n in line.in_flight_numbers()}
            some = some[: startable_prefix(lanes, ways.values(), line.free_slots())]
            line.push(PushedEvents(after, some, self.state(), (), ways))
        line.wake(len(self.lanes))


@asynccontextmanager
async def at_work(ledger: Ledger) -> AsyncIterator[SinkWorker]:
    """A line of these books."""
    common = cast(WorkerContext, _Common(ledger, ledger.slots))
    line = SinkWorker(common, cast(DeliveryBatcher, ledger), ID, "reader", time.monotonic() + 1_000)
    task = asyncio.create_task(line.run())
    try:
        yield line
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended
    assert ledger.free() == MAX_IN_FLIGHT // 2, "what was taken was given back"


@dataclass
class _Common:
    sender: Any
    limiter: ConcurrencyLimiter
    rng: Random = field(default_factory=lambda: Random(7))


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


async def kept_up(ledger: Ledger, line: SinkWorker, events: int = 4) -> None:
    """The sink takes some at once, and the line waits for what is given."""
    for n in range(events):
        ledger.give(line, UUID(int=100 + n))
        await until(lambda: len(ledger.begun) == len(ledger.lanes))
        ledger.answer(len(ledger.lanes))
        await until(lambda: ledger.read_to == len(ledger.lanes) and line.is_caught_up_to(len(ledger.lanes)))


async def test_nothing_follows_what_failed_while_another_was_taken() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
        ledger.give(line, A, B)
        await until(lambda: len(ledger.on_way) == 2)
        ledger.answer(5, 500)
        ledger.answer(6)
        await until(lambda: ledger.read_to == 6)
        ledger.give(line, A)
        await until(lambda: ledger.on_way)
        assert list(ledger.on_way) == [5]


async def test_nothing_follows_what_fails_as_it_is_handed() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
        ledger.give(line, A)
        await until(lambda: 5 in ledger.on_way)
        ledger.answer(5, 500)
        ledger.give(line, A)
        await until(lambda: 5 in ledger.held)
        await until(lambda: ledger.on_way)
        assert list(ledger.on_way) == [5]


def _is_on_way(ledger: Ledger, number: int) -> bool:
    return number in ledger.on_way or 1 in ledger.on_way


def _is_read_to(ledger: Ledger, number: int) -> bool:
    return ledger.read_to == number


async def test_what_is_tried_again_is_found_while_others_are_handed() -> None:
    """What was given up is redriven: the line that keeps up with all else finds it."""
    ledger = Ledger(lanes=[A], failed={1}, read_to=1)
    async with at_work(ledger) as line:
        await until(lambda: line.is_caught_up_to(1))
        ledger.failed, ledger.held = set(), {1: ledger.next(1)._replace(next_attempt_at=NOW, is_held=True)}
        ledger.changed += 1
        for n in range(8):
            ledger.give(line, UUID(int=200 + n))
            await until(partial(_is_on_way, ledger, n + 2))
            if 1 in ledger.on_way:
                break
            ledger.answer(n + 2)
            await until(partial(_is_read_to, ledger, n + 2))
        assert 1 in ledger.on_way


async def test_pathways_that_became_one_are_one_for_what_is_handed() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
        ledger.give(line, B)
        await until(lambda: 5 in ledger.on_way)
        ledger.lanes[4] = A  # both are called so now
        ledger.give(line, A)
        await asyncio.sleep(0.05)
        assert list(ledger.on_way) == [5]
        ledger.answer(5)
        await until(lambda: 6 in ledger.on_way)


async def test_who_waits_for_a_look_holds_nothing_that_others_could_begin_with() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
        ledger.may_look.clear()
        ledger.give(line, A, B, at_hand=False)
        await until(lambda: ledger.waits)
        assert ledger.free() == MAX_IN_FLIGHT // 2
        ledger.may_look.set()
        await until(lambda: len(ledger.on_way) == 2)
        assert ledger.free() == MAX_IN_FLIGHT // 2 - 2


async def test_what_is_found_for_a_line_that_has_ended_is_nothing_to_begin_with() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
    ledger.lanes += [A]
    assert line.reserve_and_schedule(ledger.state(), [ledger.next(5)], 8) == DeliverySchedule((), (), None)
    assert ledger.free() == MAX_IN_FLIGHT // 2


async def test_a_line_that_is_behind_begins_with_as_many_as_may_be_and_looks_at_few_more() -> None:
    ledger = Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line, 8)
        ledger.may_look.clear()
        ledger.give(line, *(UUID(int=300 + n) for n in range(40)), at_hand=False)
        await until(lambda: ledger.waits)
        ledger.asked.clear()
        ledger.may_look.set()
        await until(lambda: ledger.on_way)
        assert len(ledger.on_way) == 8
        while len(ledger.took) < 48:
            for number in [number for number, answer in ledger.on_way.items() if not answer.done()]:
                ledger.answer(number)
            await asyncio.sleep(0)
        assert max(each.lookahead for each in ledger.asked) <= 16


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_each_pathway_is_in_order_and_nothing_is_forgotten(seed: int) -> None:
    chance, ledger = Random(seed), Ledger()
    async with at_work(ledger) as line:
        await kept_up(ledger, line)
        for _ in range(200):
            if chance.random() < 0.4:
                some = [chance.choice((A, B, UUID(int=3), UUID(int=4))) for _ in range(chance.randint(1, 3))]
                ledger.give(line, *some, at_hand=chance.random() < 0.9)
            for number in list(ledger.on_way):
                if chance.random() < 0.5 and not ledger.on_way[number].done():
                    ledger.answer(number, chance.choice((204,) * 8 + (500,)))
            for _ in range(chance.randint(0, 12)):
                await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while len({*ledger.took, *ledger.failed}) < len(ledger.lanes):
                for number in list(ledger.on_way):
                    if not ledger.on_way[number].done():
                        ledger.answer(number)
                await asyncio.sleep(0.001)
