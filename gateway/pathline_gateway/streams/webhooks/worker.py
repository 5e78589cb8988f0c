"""Delivers one subscription's events to its endpoint, as long as there are some and the lease lasts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from pathline_gateway.streams.webhooks.attempt_result import AttemptResult
from pathline_gateway.streams.webhooks.batched_store import DeliveryBatcher, FetchRequest, FetchResult
from pathline_gateway.streams.webhooks.delivery_repository import EndpointRelease, EndpointState, PendingEvent
from pathline_gateway.streams.webhooks.lookahead import Lookahead
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.streams.webhooks.pushed_events import PushedEvent, PushedEvents, startable_prefix
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule, WaitingEvent, build_schedule, schedule_probe
from pathline_gateway.streams.webhooks.settlement import AttemptEnd, EndpointHealth, settle_attempts, with_local_state
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_slots import WorkerSlots
from pathline_gateway.telemetry.instruments import WEBHOOK_DELAY, WEBHOOK_REQUESTS

_POLL_INTERVAL_S: Final = 0.5
"""How much later than its own process a line notices what another gave."""
_NO_SLOT_DELAY_S: Final = 0.05
_LINGER_S: Final = 0.5
"""How long a line stays that has nothing to do."""
_NEVER_FETCHED: Final = float("-inf")
_FAR_FUTURE: Final = datetime(9999, 1, 1, tzinfo=UTC)


class EndpointWorker:
    """One subscription's deliverer. Lives in one process at a time: see the lease."""

    def __init__(
        self, context: WorkerContext, batcher: DeliveryBatcher, subscription: UUID, org: str, lease_until: float
    ) -> None:
        self.lease_until = lease_until
        """In monotonic time; moved by whoever renews it."""
        self.org = org
        """Whose subscription it is."""
        self.started_at = time.monotonic()
        self.is_stopping = False
        """It begins with nothing more: see `stop_soon`."""
        self._context, self._batcher, self._id = context, batcher, subscription
        self.id = subscription
        self._wake_event = asyncio.Event()
        self._in_flight: dict[asyncio.Task[AttemptResult], PendingEvent] = {}
        self._window: Sequence[PendingEvent] = ()
        self._state: EndpointState | None = None
        self._secrets: Sequence[str] = ()
        self._last_fetch_at = _NEVER_FETCHED
        self._pushed: Sequence[PushedEvent] = ()
        self._acked_ahead: set[int] = set()
        self._concurrency_limit = 1
        self._paced_until = 0.0
        self._is_awaiting_turn = False
        """It could begin with something, but that its sink allows no other request yet."""
        self._lookahead = Lookahead(context.sender.policy.lookahead)
        self._reserved_slots = 0
        self._slots = WorkerSlots(context.limiter, org)
        self._has_stopped = False

    def stop_soon(self) -> None:
        """Another sink has its turn once what is on its way came back; this one's comes again."""
        self.is_stopping = True
        self._wake_event.set()

    def wake(self, last: int) -> None:
        """It was given something, up to this number."""
        if self._state is None or self._state.last_number < last:
            self._last_fetch_at = _NEVER_FETCHED
        self._wake_event.set()

    def is_caught_up_to(self, number: int) -> bool:
        """Whether it would begin at once with whatever comes after this number."""
        state = self._state
        if state is None or state.last_number != number or self._pushed or not self._has_started_all():
            return False
        return state.max_requests_per_minute is None and self._can_start() and self.free_slots() > 0

    def in_flight_numbers(self) -> list[int]:
        """The numbers whose requests are on their way."""
        return [each.number for each in self._in_flight.values()]

    def push(self, pushed: PushedEvents) -> None:
        """What it waits for, unless it was found meanwhile; and how the sink stands, which is as a look."""
        state = self._state
        # What somebody changed, or wants tried again, is found by a look.
        if state is None or pushed.state.revision != state.revision or not self.is_caught_up_to(pushed.after):
            return
        self._state = with_local_state(pushed.state, state)
        for task, each in self._in_flight.items():  # pathways may be one by now
            self._in_flight[task] = each._replace(ordering_key=pushed.ordering_keys.get(each.number, each.ordering_key))
        self._pushed, self._secrets, self._last_fetch_at = pushed.events, pushed.secrets, time.monotonic()
        self._wake_event.set()

    async def run(self) -> None:
        """Posts until there is nothing to do, or the sink is another's."""
        try:
            while await self._step():
                pass
        finally:
            self._has_stopped = True
            self._slots.finish(len(self._in_flight))
            for task in self._in_flight:
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _step(self) -> bool:
        """Whether to go on."""
        if not await self._settle():
            return False
        self._wake_event.clear()
        self._start_pushed()
        if self._has_started_all():
            if self._in_flight:
                await self._wait(_POLL_INTERVAL_S)
                return True
            if not self.is_stopping and await self._wait_for_more():
                return True
        return await self._fetch_and_start()

    async def _fetch_and_start(self) -> bool:
        """Whether to go on, having looked what there is to do."""
        self._last_fetch_at = (
            _NEVER_FETCHED  # what is given from here on may be found, and is not to be handed over as well
        )
        can_start, is_paced = self._can_start(), self._is_paced()
        wanted_slots = self.free_slots() if can_start else 0
        if (
            self._in_flight and not wanted_slots
        ):  # what there is to do would be looked for again once something came back
            await self._wait(_POLL_INTERVAL_S)
            return True
        lookahead, self._reserved_slots = self._lookahead.resize(self._progress_ahead(), wanted_slots), 0
        try:
            fetched = await self._batcher.fetch(FetchRequest(self._id, wanted_slots, lookahead, self))
            if fetched is not None:
                fetched = await self._claim_turn(fetched)
                self._start(fetched)
        finally:
            self._slots.release()
        if fetched is not None:
            backlog, has_room = (
                fetched.state.last_number - fetched.state.acked_through,
                len(fetched.startable) < self._reserved_slots,
            )
            if self._lookahead.should_extend(backlog, has_room=has_room):
                return True
        if self._in_flight:
            await self._wait(_POLL_INTERVAL_S)
            return True
        if fetched is None or not can_start:
            return False
        if self.is_stopping:
            return not await self._release(fetched)
        if fetched.schedule.hold or await self._hold_skipped() or self._can_advance():
            return True
        if self._reserved_slots < wanted_slots:
            await self._wait(_NO_SLOT_DELAY_S)
            return True
        if not self._has_backlog(fetched.state) and await self._wait_for_more():
            return True
        is_paced = is_paced or self._is_awaiting_turn or self._is_paced()
        if is_paced and self._has_backlog(fetched.state) and self._paced_until - time.monotonic() <= _LINGER_S:
            # Whoever is late for its turn would keep the sink's others waiting.
            await asyncio.sleep(max(0.0, self._paced_until - time.monotonic()))
            return True
        return not await self._release(fetched, is_paced=is_paced)

    async def _claim_turn(self, fetched: FetchResult) -> FetchResult:
        """What may be begun: at a sink that allows so many requests a minute, organisations take turns."""
        if not fetched.startable and not self._is_awaiting_turn:
            return fetched
        started_count = len(self._in_flight) + len(self._acked_ahead) + len(fetched.startable)
        has_more = (
            len(fetched.startable) == self._reserved_slots
            and fetched.state.last_number - fetched.state.acked_through > started_count
        )
        wait = await self._batcher.claim_turn(fetched.state, self.org, len(fetched.startable), has_more=has_more)
        if wait is None:
            return fetched
        self._is_awaiting_turn = True
        self._paced_until = time.monotonic() + wait.total_seconds()
        return replace(fetched, startable=())

    def _is_paced(self) -> bool:
        """Whether its sink allows no other request yet, as far as this line knows."""
        return time.monotonic() < self._paced_until

    def _progress_ahead(self) -> int:
        """How far beyond what is read anything is done or on its way: what a look leaves out would hold up nothing."""
        return (
            0
            if self._state is None
            else max((*self.in_flight_numbers(), *self._acked_ahead), default=0) - self._state.acked_through
        )

    def _can_start(self) -> bool:
        return time.monotonic() + self._context.sender.policy.request_s < self.lease_until

    def _has_started_all(self) -> bool:
        """Whether all that it was given is done or on its way; as far as is known, which is not long ago."""
        state = self._state
        if state is None or time.monotonic() > self._last_fetch_at + _POLL_INTERVAL_S:
            return False
        if state.is_idle or state.consecutive_failures or self._pushed or any(each.is_held for each in self._window):
            return False
        return state.last_number - state.acked_through == len(self._in_flight) + len(self._acked_ahead)

    def _start_pushed(self) -> None:
        """What was handed over is on its way, as far as may be; what is not is found by a look."""
        pushed, self._pushed = self._pushed, ()
        state = self._state
        if not pushed or state is None:
            return
        can_start = (
            state.max_requests_per_minute is None
            and state.not_before <= self._context.sender.now()
            and self._can_start()
        )
        free_slots = self._slots.reserve(min(len(pushed), self.free_slots()) if can_start else 0)
        startable = pushed[
            : startable_prefix(
                [each.ordering_key for each, _ in pushed],
                (each.ordering_key for each in self._in_flight.values()),
                free_slots,
            )
        ]
        # Nothing is held here. What is done would be kept until the next look, which may be long.
        self._window = [each for each in self._window if each.number > state.acked_through] + [
            each.event for each in startable
        ]
        self._start_posting(startable)

    def _has_backlog(self, state: EndpointState) -> bool:
        """Whether it was given something that is not done."""
        return state.acked_through < state.last_number or any(each.is_held for each in self._window)

    async def _wait_for_more(self) -> bool:
        """Whether it was given something soon, as a busy one is: nobody has to let go and take it up again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._wake_event.wait()
        return self._wake_event.is_set()

    def free_slots(self) -> int:
        """How many requests more may go to the sink, as far as this line knows."""
        if self.is_stopping or self._is_paced():
            return 0
        rate = None if self._state is None else self._state.max_requests_per_minute
        limit = self._concurrency_limit if rate is None else min(self._concurrency_limit, max(1, rate // 60))
        return max(0, limit - len(self._in_flight))

    def reserve_and_schedule(
        self, state: EndpointState, window: Sequence[PendingEvent], free_slots: int
    ) -> DeliverySchedule:
        """Which events to begin with. What was found is kept for as long as they are on their way."""
        if self._has_stopped:  # while this was looked for
            return DeliverySchedule((), (), None)
        # Taken here, and not when asking: many ask at once, and would hold what others could begin with.
        self._reserved_slots = self._slots.reserve(free_slots)
        self._window = window
        numbers = range(
            state.acked_through + 1, min(state.last_number, state.acked_through + self._lookahead.window_size) + 1
        )
        self._acked_ahead |= {*numbers}.difference(
            each.number for each in window
        )  # given up, maybe before this line began
        schedule = self._build_schedule(state, self._reserved_slots)
        self._is_awaiting_turn = bool(schedule.start) and state.paced_until > self._context.sender.now()
        if self._is_awaiting_turn:
            schedule = schedule._replace(start=())
        self._slots.release(keep=len(schedule.start))
        self._mark_held(schedule.hold)
        return schedule

    def _build_schedule(self, state: EndpointState, free_slots: int) -> DeliverySchedule:
        policy, now = self._context.sender.policy, self._context.sender.now()
        in_flight = {each.number for each in self._in_flight.values()}
        busy_keys = {
            each.ordering_key for each in self._window if each.number in in_flight and each.ordering_key is not None
        }
        is_full = sum(each.is_held for each in self._window) >= policy.max_held
        waiting = [
            WaitingEvent(each.number, each.ordering_key, each.next_attempt_at, each.is_held)
            for each in self._window
            if each.number not in in_flight and each.number not in self._acked_ahead and (each.is_held or not is_full)
        ]
        if state.is_idle or state.not_before > now:
            free_slots = 0
        if state.consecutive_failures >= policy.failure_threshold and free_slots and not in_flight:
            return schedule_probe(waiting, busy_keys, new=state.consecutive_failures % 2 == 1)
        return build_schedule(
            waiting, busy_keys, 0 if state.consecutive_failures >= policy.failure_threshold else free_slots, now
        )

    def _mark_held(self, numbers: Sequence[int]) -> None:
        newly_held = set(numbers)
        if newly_held:
            self._window = [each._replace(is_held=each.is_held or each.number in newly_held) for each in self._window]

    async def _hold_skipped(self) -> bool:
        """Whether numbers were kept apart now that others are done after: what is done is then known to everybody."""
        last = max(self._acked_ahead, default=0)
        skipped = [
            n
            for n in (each.number for each in self._window)
            if n < last and n not in {*self._acked_ahead, *self._held_numbers()}
        ]
        if skipped:
            await self._batcher.hold([(self._id, number) for number in skipped])
            self._mark_held(skipped)
        return bool(skipped)

    def _start(self, fetched: FetchResult) -> None:
        """What was found is on its way, with what was reserved for it."""
        self._state, self._secrets = fetched.state, fetched.secrets
        if not self._wake_event.is_set():  # by something that this look may not have seen
            self._last_fetch_at = time.monotonic()
        self._start_posting(fetched.startable)
        if fetched.startable and fetched.state.max_requests_per_minute is not None:
            self._paced_until = time.monotonic() + len(fetched.startable) * 60.0 / fetched.state.max_requests_per_minute
        elif (paced_s := (fetched.state.paced_until - self._context.sender.now()).total_seconds()) > 0:
            self._paced_until = time.monotonic() + paced_s

    def _start_posting(self, messages: Sequence[tuple[PendingEvent, WebhookMessage]]) -> None:
        self._slots.start(len(messages))
        for event, message in messages:
            assert self._state is not None
            attempt = self._context.sender.post(self._state.url, message, list(self._secrets), self._state.failed)
            self._in_flight[asyncio.create_task(attempt)] = event

    async def _wait(self, seconds: float) -> None:
        """Something came back, was given, or it is time to look."""
        wake_task = asyncio.create_task(self._wake_event.wait())
        try:
            # Whatever is woken by may only be begun where there is room for it.
            watched = (
                {*self._in_flight, wake_task} if len(self._in_flight) < self._concurrency_limit else {*self._in_flight}
            )
            await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake_task.cancel()

    async def _settle(self) -> bool:
        """Whether what came back is written down; not where the sink is another's by now."""
        completed = [task for task in self._in_flight if task.done()]
        if not completed and not self._can_advance():
            return True
        assert self._state is not None
        context, now = self._context, self._context.sender.now()
        results = [task.result() for task in completed]
        attempts = [
            AttemptEnd(self._in_flight.pop(task), result) for task, result in zip(completed, results, strict=True)
        ]
        self._slots.finish(len(attempts))
        self._record_metrics(attempts, now)
        health = EndpointHealth(self._state.acked_through, self._state.consecutive_failures, self._state.failing_since)
        settlement, self._acked_ahead = settle_attempts(
            attempts, health, self._held_numbers(), self._acked_ahead, context.sender.policy, context.rng, now
        )
        self._state = with_local_state(self._state, settlement)
        if settlement.retries:  # Whatever follows on its pathway waits for it: a look tells what that is.
            self._pushed, self._last_fetch_at = (), _NEVER_FETCHED
        return await self._batcher.settle(self._id, settlement)

    def _held_numbers(self) -> set[int]:
        return {each.number for each in self._window if each.is_held}

    def _can_advance(self) -> bool:
        """Whether the first number that is not done was kept apart since, or given up."""
        return self._state is not None and self._state.acked_through + 1 in self._held_numbers() | self._acked_ahead

    def _record_metrics(self, attempts: Sequence[AttemptEnd], now: datetime) -> None:
        for event, result in attempts:
            label = {"pathline.organisation": self.org}
            WEBHOOK_REQUESTS.add(1, {**label, "pathline.outcome": result.metric_label})
            if result.metric_label == "delivered":
                self._concurrency_limit = min(self._context.sender.policy.max_concurrency, self._concurrency_limit + 1)
                WEBHOOK_DELAY.record(max(0.0, (now - event.delivered_at).total_seconds()), label)
            else:
                self._concurrency_limit = max(1, self._concurrency_limit // 2)

    async def _release(self, fetched: FetchResult, *, is_paced: bool = False) -> bool:
        """Whether the sink is nobody's until there is something to do; not where somebody changed it just now."""
        state, now = fetched.state, self._context.sender.now()
        probing = state.consecutive_failures >= self._context.sender.policy.failure_threshold
        due = fetched.schedule.next_at or _FAR_FUTURE
        if self._has_backlog(state) and (
            self.is_stopping or probing or state.is_idle or state.not_before > now or is_paced
        ):
            due = now
        not_before = max(state.not_before, now + timedelta(seconds=max(0.0, self._paced_until - time.monotonic())))
        return await self._batcher.release(
            EndpointRelease(self._id, due, state.last_number, not_before, state.revision)
        )
