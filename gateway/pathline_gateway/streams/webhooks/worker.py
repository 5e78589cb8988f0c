"""Delivers one subscription's events to its sink, as long as there are some and the lease lasts."""

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
from pathline_gateway.streams.webhooks.delivery_rows import LeaseRelease, PendingEvent, SinkState
from pathline_gateway.streams.webhooks.delivery_window import NOTHING_BEFORE, DeliveryOffer, DeliveryWindow
from pathline_gateway.streams.webhooks.lookahead import Lookahead
from pathline_gateway.streams.webhooks.pacing import Pacing
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.streams.webhooks.pushed_events import PushedEvents
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule
from pathline_gateway.streams.webhooks.settlement import AttemptEnd, SinkHealth, settle_attempts, with_local_state
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_slots import WorkerSlots
from pathline_gateway.telemetry.instruments import WEBHOOK_DELAY, WEBHOOK_REQUESTS

_POLL_INTERVAL_S: Final = 0.5
"""How much later than its own process a worker notices what another one gave."""
_NO_SLOT_DELAY_S: Final = 0.05
_LINGER_S: Final = 0.5
"""How long a worker stays that has nothing to do."""
_NEVER_FETCHED: Final = float("-inf")
_FAR_FUTURE: Final = datetime(9999, 1, 1, tzinfo=UTC)


class SinkWorker:
    """The loop and the lease of one sink. What may start is the window's matter, how fast is the pacing's."""

    def __init__(
        self, context: WorkerContext, batcher: DeliveryBatcher, subscription: UUID, org: str, lease_until: float
    ) -> None:
        self.lease_until = lease_until
        """In monotonic time; moved by whoever renews it."""
        self.org = org
        """Whose subscription it is."""
        self.started_at = time.monotonic()
        self.is_stopping = False
        """It starts nothing more: see `stop_soon`."""
        self.id = subscription
        self._context, self._batcher, self._policy = context, batcher, context.sender.policy
        self._window = DeliveryWindow(self._policy)
        self._pacing = Pacing(self._policy.max_concurrency)
        self._lookahead = Lookahead(self._policy.lookahead)
        self._slots = WorkerSlots(context.limiter, org)
        self._reserved_slots = 0
        """How many slots the last offer got."""
        self._requests: dict[asyncio.Task[AttemptResult], int] = {}
        """The number that each request delivers."""
        self._state: SinkState | None = None
        self._secrets: Sequence[str] = ()
        self._pushed: PushedEvents | None = None
        self._wake_event = asyncio.Event()
        self._last_fetch_at = _NEVER_FETCHED
        self._has_stopped = False

    def stop_soon(self) -> None:
        """Another sink has its turn once the requests in flight have ended; this one's comes again."""
        self.is_stopping = True
        self._wake_event.set()

    def wake(self, last: int) -> None:
        """The subscription has deliveries up to this number."""
        if self._state is None or self._state.last_number < last:
            self._last_fetch_at = _NEVER_FETCHED
        self._wake_event.set()

    def is_caught_up_to(self, number: int) -> bool:
        """Whether it would start at once whatever comes after this number."""
        state = self._state
        if state is None or state.last_number != number or not self._has_started_all():
            return False
        return state.max_requests_per_minute is None and self._can_start() and self.free_slots() > 0

    def in_flight_numbers(self) -> list[int]:
        """The numbers whose requests are in flight."""
        return self._window.in_flight

    def push(self, pushed: PushedEvents) -> None:
        """Takes what was just committed, unless it was fetched meanwhile; and the sink's state, as a fetch does."""
        state = self._state
        # What somebody changed, or wants tried again, is found by a fetch.
        if state is None or pushed.state.revision != state.revision or not self.is_caught_up_to(pushed.after):
            return
        self._state, self._secrets = with_local_state(pushed.state, state), pushed.secrets
        self._pushed, self._last_fetch_at = pushed, time.monotonic()
        self._wake_event.set()

    async def run(self) -> None:
        """Posts until there is nothing to do, or the sink is another process's."""
        try:
            while await self._step():
                pass
        finally:
            self._has_stopped = True
            self._slots.finish(len(self._requests))
            for task in self._requests:
                task.cancel()
            await asyncio.gather(*self._requests, return_exceptions=True)

    async def _step(self) -> bool:
        """Whether to go on."""
        if not await self._settle():
            return False
        self._wake_event.clear()
        self._start_pushed()
        if self._has_started_all():
            if self._requests:
                await self._wait(_POLL_INTERVAL_S)
                return True
            if not self.is_stopping and await self._wait_for_more():
                return True
        return await self._fetch_and_start()

    async def _fetch_and_start(self) -> bool:
        """Whether to go on, after a fetch."""
        # What comes from here on may be fetched, and is not to be pushed as well.
        self._last_fetch_at = _NEVER_FETCHED
        can_start, is_paced = self._can_start(), self._is_paced()
        wanted_slots = self.free_slots() if can_start else 0
        if self._requests and not wanted_slots:  # a fetch would have to be repeated once a request has ended
            await self._wait(_POLL_INTERVAL_S)
            return True
        fetched = await self._fetch(wanted_slots)
        if fetched is not None:
            backlog = fetched.state.last_number - fetched.state.acked_through
            if self._lookahead.should_extend(backlog, has_room=len(fetched.startable) < self._reserved_slots):
                return True
        if self._requests:
            await self._wait(_POLL_INTERVAL_S)
            return True
        if fetched is None or not can_start:
            return False
        if self.is_stopping:
            return not await self._release(fetched)
        if fetched.schedule.hold or await self._hold_skipped() or self._window.can_advance:
            return True
        if self._reserved_slots < wanted_slots:
            await self._wait(_NO_SLOT_DELAY_S)
            return True
        if not self._window.has_backlog and await self._wait_for_more():
            return True
        is_paced = is_paced or self._pacing.is_awaiting_turn or self._is_paced()
        closed_s = self._pacing.closed_for(time.monotonic())
        if is_paced and self._window.has_backlog and closed_s <= _LINGER_S:
            # Who is late for its turn would keep the sink's others waiting.
            await asyncio.sleep(closed_s)
            return True
        return not await self._release(fetched, is_paced=is_paced)

    async def _fetch(self, wanted_slots: int) -> FetchResult | None:
        """What Postgres has for this sink, with what may start started; None where it is another process's."""
        lookahead, self._reserved_slots = self._lookahead.resize(self._window.progress_ahead, wanted_slots), 0
        try:
            fetched = await self._batcher.fetch(FetchRequest(self.id, wanted_slots, lookahead, self))
            if fetched is not None:
                fetched = await self._claim_turn(fetched)
                self._start_fetched(fetched)
        finally:
            self._slots.release()
        return fetched

    async def _claim_turn(self, fetched: FetchResult) -> FetchResult:
        """What may start: at a sink with an allowed rate, organisations take turns."""
        count = len(fetched.startable)
        if not count and not self._pacing.is_awaiting_turn:
            return fetched
        has_more = count == self._reserved_slots and self._window.unstarted_behind(count) > 0
        wait = await self._batcher.claim_turn(fetched.state, self.org, count, has_more=has_more)
        if wait is None:
            return fetched
        self._pacing.await_turn(wait.total_seconds(), time.monotonic())
        return replace(fetched, startable=())

    def reserve_and_schedule(
        self, state: SinkState, window: Sequence[PendingEvent], free_slots: int
    ) -> DeliverySchedule:
        """What a fetch found is offered to the window; which of it to render and start."""
        if self._has_stopped:  # while it was fetched
            return DeliverySchedule((), (), None)
        through = min(state.last_number, state.acked_through + self._lookahead.window_size)
        offer = DeliveryOffer(NOTHING_BEFORE, through, state.acked_through, state.last_number, window, {})
        schedule = self._schedule(state, offer, free_slots)
        self._pacing.is_awaiting_turn = bool(schedule.start) and state.paced_until > self._context.sender.now()
        if self._pacing.is_awaiting_turn:
            schedule = schedule._replace(start=())
        self._slots.release(keep=len(schedule.start))
        self._window.hold(schedule.hold)
        return schedule

    def _start_pushed(self) -> None:
        """What was pushed is offered to the window, and started as far as may be; a fetch finds the rest."""
        pushed, self._pushed = self._pushed, None
        if pushed is None or self._state is None:
            return
        can_start = self._state.max_requests_per_minute is None and self._can_start()
        free_slots = min(len(pushed.events), self.free_slots()) if can_start else 0
        messages = {event.number: (event, message) for event, message in pushed.events}
        offer = DeliveryOffer(
            pushed.after,
            pushed.after + len(messages),
            self._state.acked_through,
            self._state.last_number,
            [event for event, _ in pushed.events],
            pushed.ordering_keys,
        )
        schedule = self._schedule(self._state, offer, free_slots)
        self._start([messages[number] for number in schedule.start])

    def _schedule(self, state: SinkState, offer: DeliveryOffer, free_slots: int) -> DeliverySchedule:
        """The one way in: the window takes the offer over, and says what may start in the free slots."""
        # Slots are taken here, and not when asking: many fetch at once, and would hold what others could start with.
        self._reserved_slots = self._slots.reserve(free_slots)
        self._window.offer(offer)
        now = self._context.sender.now()
        may_start = not state.is_idle and state.not_before <= now
        return self._window.schedule(self._reserved_slots if may_start else 0, state.consecutive_failures, now)

    def _start_fetched(self, fetched: FetchResult) -> None:
        self._state, self._secrets = fetched.state, fetched.secrets
        if not self._wake_event.is_set():  # by something that this fetch may not have seen
            self._last_fetch_at = time.monotonic()
        self._start(fetched.startable)
        closed_s = (fetched.state.paced_until - self._context.sender.now()).total_seconds()
        self._pacing.started(len(fetched.startable), fetched.state.max_requests_per_minute, closed_s, time.monotonic())

    def _start(self, messages: Sequence[tuple[PendingEvent, WebhookMessage]]) -> None:
        self._slots.start(len(messages))
        for event, message in messages:
            assert self._state is not None
            attempt = self._context.sender.post(
                self._state.url, message, list(self._secrets), self._state.failed, event.attempts
            )
            self._window.start(event.number)
            self._requests[asyncio.create_task(attempt)] = event.number

    async def _settle(self) -> bool:
        """Whether what has ended is written down; not where the sink is another process's by now."""
        completed = [task for task in self._requests if task.done()]
        if not completed and not self._window.can_advance:
            return True
        assert self._state is not None
        now = self._context.sender.now()
        results = [task.result() for task in completed]
        attempts = [
            AttemptEnd(self._window.event(self._requests.pop(task)), result)
            for task, result in zip(completed, results, strict=True)
        ]
        self._slots.finish(len(attempts))
        self._record_metrics(attempts, now)
        health = SinkHealth(self._state.consecutive_failures, self._state.failing_since)
        settlement = settle_attempts(attempts, health, self._policy, self._context.rng, now)
        self._window.finish(settlement.done, settlement.retry_at)
        rows = settlement.rows(self._window.acked_through)
        self._state = with_local_state(self._state, rows)
        if rows.retries:  # Whatever follows on its pathway waits for it: a fetch tells what that is.
            self._pushed, self._last_fetch_at = None, _NEVER_FETCHED
        return await self._batcher.settle(self.id, rows)

    def _record_metrics(self, attempts: Sequence[AttemptEnd], now: datetime) -> None:
        for event, result in attempts:
            label = {"pathline.organisation": self.org}
            WEBHOOK_REQUESTS.add(1, {**label, "pathline.outcome": result.metric_label})
            is_delivered = result.metric_label == "delivered"
            self._pacing.record(delivered=is_delivered)
            if is_delivered:
                WEBHOOK_DELAY.record(max(0.0, (now - event.delivered_at).total_seconds()), label)

    async def _hold_skipped(self) -> bool:
        """Whether it held deliveries that others have overtaken: then every process knows which are done."""
        if skipped := self._window.skipped():
            await self._batcher.hold([(self.id, number) for number in skipped])
            self._window.hold(skipped)
        return bool(skipped)

    async def _release(self, fetched: FetchResult, *, is_paced: bool = False) -> bool:
        """Whether the sink is nobody's until there is something to do; not where somebody changed it just now."""
        state, now = fetched.state, self._context.sender.now()
        probing = state.consecutive_failures >= self._policy.failure_threshold
        due = fetched.schedule.next_at or _FAR_FUTURE
        if self._window.has_backlog and (
            self.is_stopping or probing or state.is_idle or state.not_before > now or is_paced
        ):
            due = now
        not_before = max(state.not_before, now + timedelta(seconds=self._pacing.closed_for(time.monotonic())))
        return await self._batcher.release(LeaseRelease(self.id, due, state.last_number, not_before, state.revision))

    def free_slots(self) -> int:
        """How many more requests may go to the sink, as far as this worker knows."""
        if self.is_stopping:
            return 0
        rate = None if self._state is None else self._state.max_requests_per_minute
        return self._pacing.free_slots(len(self._requests), rate, time.monotonic())

    def _is_paced(self) -> bool:
        return self._pacing.is_closed(time.monotonic())

    def _can_start(self) -> bool:
        """Whether the lease outlasts a request that starts now."""
        return time.monotonic() + self._policy.request_s < self.lease_until

    def _has_started_all(self) -> bool:
        """Whether all deliveries are done or in flight; as far as is known, which is not long ago."""
        state = self._state
        if state is None or time.monotonic() > self._last_fetch_at + _POLL_INTERVAL_S:
            return False
        if state.is_idle or state.consecutive_failures or self._pushed is not None:
            return False
        return self._window.has_started_all

    async def _wait_for_more(self) -> bool:
        """Whether it was woken soon, as a busy one is: nobody has to release the sink and lease it again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._wake_event.wait()
        return self._wake_event.is_set()

    async def _wait(self, seconds: float) -> None:
        """A request has ended, the worker was woken, or it is time to fetch."""
        wake_task = asyncio.create_task(self._wake_event.wait())
        try:
            # What wakes it may only start where there is room for it.
            has_room = len(self._requests) < self._pacing.concurrency_limit
            watched = {*self._requests, wake_task} if has_room else {*self._requests}
            await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake_task.cancel()
