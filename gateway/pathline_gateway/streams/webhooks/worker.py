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
from pathline_gateway.streams.webhooks.pushed_events import PushedEvent, PushedEvents, begun
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule, WaitingEvent, plan, probe
from pathline_gateway.streams.webhooks.settlement import AttemptEnd, EndpointHealth, settled, stands
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_slots import WorkerSlots
from pathline_gateway.telemetry.instruments import WEBHOOK_DELAY, WEBHOOK_REQUESTS

_LOOK_EVERY_S: Final = 0.5
"""How much later than its own process a line notices what another gave."""
_NO_SLOT_S: Final = 0.05
_LINGER_S: Final = 0.5
"""How long a line stays that has nothing to do."""
_NOT_YET: Final = float("-inf")
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class EndpointWorker:
    """One subscription's deliverer. Lives in one process at a time: see the lease."""

    def __init__(
        self, common: WorkerContext, books: DeliveryBatcher, subscription: UUID, org: str, lease_until: float
    ) -> None:
        self.lease_until = lease_until
        """In monotonic time; moved by whoever renews it."""
        self.org = org
        """Whose subscription it is."""
        self.began = time.monotonic()
        self.ends = False
        """It begins with nothing more: see `end_soon`."""
        self._common, self._books, self._id = common, books, subscription
        self.id = subscription
        self._woken = asyncio.Event()
        self._way: dict[asyncio.Task[AttemptResult], PendingEvent] = {}
        self._found: Sequence[PendingEvent] = ()
        self._state: EndpointState | None = None
        self._keys: Sequence[str] = ()
        self._looked_at = _NOT_YET
        self._handed: Sequence[PushedEvent] = ()
        self._done: set[int] = set()
        self._at_once = 1
        self._paced_until = 0.0
        self._waits_for_turn = False
        """It could begin with something, but that its sink allows no other request yet."""
        self._reach = Lookahead(common.sinks.policy.ahead)
        self._got = 0
        self._share = WorkerSlots(common.slots, org)
        self._ended = False

    def end_soon(self) -> None:
        """Another sink has its turn once what is on its way came back; this one's comes again."""
        self.ends = True
        self._woken.set()

    def wake(self, last: int) -> None:
        """It was given something, up to this number."""
        if self._state is None or self._state.last_number < last:
            self._looked_at = _NOT_YET
        self._woken.set()

    def waits_after(self, number: int) -> bool:
        """Whether it would begin at once with whatever comes after this number."""
        state = self._state
        if state is None or state.last_number != number or self._handed or not self._has_begun_all():
            return False
        return state.allowed_rate is None and self._may_begin() and self.room() > 0

    def on_way(self) -> list[int]:
        """The numbers whose requests are on their way."""
        return [each.number for each in self._way.values()]

    def hand(self, told: PushedEvents) -> None:
        """What it waits for, unless it was found meanwhile; and how the sink stands, which is as a look."""
        known = self._state
        # What somebody changed, or wants tried again, is found by a look.
        if known is None or told.state.changed != known.changed or not self.waits_after(told.after):
            return
        self._state = stands(told.state, known)
        for task, each in self._way.items():  # pathways may be one by now
            self._way[task] = each._replace(lane=told.lanes.get(each.number, each.lane))
        self._handed, self._keys, self._looked_at = told.events, told.keys, time.monotonic()
        self._woken.set()

    async def run(self) -> None:
        """Posts until there is nothing to do, or the sink is another's."""
        try:
            while await self._step():
                pass
        finally:
            self._ended = True
            self._share.end(len(self._way))
            for task in self._way:
                task.cancel()
            await asyncio.gather(*self._way, return_exceptions=True)

    async def _step(self) -> bool:
        """Whether to go on."""
        if not await self._settle():
            return False
        self._woken.clear()
        self._begin_with_handed()
        if self._has_begun_all():
            if self._way:
                await self._wait(_LOOK_EVERY_S)
                return True
            if not self.ends and await self._given_more():
                return True
        return await self._looked()

    async def _looked(self) -> bool:
        """Whether to go on, having looked what there is to do."""
        self._looked_at = _NOT_YET  # what is given from here on may be found, and is not to be handed over as well
        may_begin, is_paced = self._may_begin(), self._is_paced()
        wanted = self.room() if may_begin else 0
        if self._way and not wanted:  # what there is to do would be looked for again once something came back
            await self._wait(_LOOK_EVERY_S)
            return True
        ahead, self._got = self._reach.look(self._begun(), wanted), 0
        try:
            look = await self._books.look(FetchRequest(self._id, wanted, ahead, self))
            if look is not None:
                look = await self._in_turn(look)
                self._start(look)
        finally:
            self._share.release()
        if look is not None:
            waits, has_room = look.state.last_number - look.state.read_to, len(look.start) < self._got
            if self._reach.is_further(waits, has_room=has_room):
                return True
        if self._way:
            await self._wait(_LOOK_EVERY_S)
            return True
        if look is None or not may_begin:
            return False
        if self.ends:
            return not await self._released(look)
        if look.plan.hold or await self._passed_over() or self._moves():
            return True
        if self._got < wanted:
            await self._wait(_NO_SLOT_S)
            return True
        if not self._waits(look.state) and await self._given_more():
            return True
        is_paced = is_paced or self._waits_for_turn or self._is_paced()
        if is_paced and self._waits(look.state) and self._paced_until - time.monotonic() <= _LINGER_S:
            # Whoever is late for its turn would keep the sink's others waiting.
            await asyncio.sleep(max(0.0, self._paced_until - time.monotonic()))
            return True
        return not await self._released(look, is_paced=is_paced)

    async def _in_turn(self, look: FetchResult) -> FetchResult:
        """What may be begun: at a sink that allows so many requests a minute, organisations take turns."""
        if not look.start and not self._waits_for_turn:
            return look
        all_begun = len(self._way) + len(self._done) + len(look.start)
        more = len(look.start) == self._got and look.state.last_number - look.state.read_to > all_begun
        wait = await self._books.turn(look.state, self.org, len(look.start), more=more)
        if wait is None:
            return look
        self._waits_for_turn = True
        self._paced_until = time.monotonic() + wait.total_seconds()
        return replace(look, start=())

    def _is_paced(self) -> bool:
        """Whether its sink allows no other request yet, as far as this line knows."""
        return time.monotonic() < self._paced_until

    def _begun(self) -> int:
        """How far beyond what is read anything is done or on its way: what a look leaves out would hold up nothing."""
        return 0 if self._state is None else max((*self.on_way(), *self._done), default=0) - self._state.read_to

    def _may_begin(self) -> bool:
        return time.monotonic() + self._common.sinks.policy.request_s < self.lease_until

    def _has_begun_all(self) -> bool:
        """Whether all that it was given is done or on its way; as far as is known, which is not long ago."""
        state = self._state
        if state is None or time.monotonic() > self._looked_at + _LOOK_EVERY_S:
            return False
        if state.idle or state.failed_in_row or self._handed or any(each.is_held for each in self._found):
            return False
        return state.last_number - state.read_to == len(self._way) + len(self._done)

    def _begin_with_handed(self) -> None:
        """What was handed over is on its way, as far as may be; what is not is found by a look."""
        handed, self._handed = self._handed, ()
        state = self._state
        if not handed or state is None:
            return
        free = state.allowed_rate is None and state.not_before <= self._common.sinks.now() and self._may_begin()
        room = self._share.reserve(min(len(handed), self.room()) if free else 0)
        some = handed[: begun([each.lane for each, _ in handed], (each.lane for each in self._way.values()), room)]
        # Nothing is held here. What is done would be kept until the next look, which may be long.
        self._found = [each for each in self._found if each.number > state.read_to] + [each.event for each in some]
        self._post_soon(some)

    def _waits(self, state: EndpointState) -> bool:
        """Whether it was given something that is not done."""
        return state.read_to < state.last_number or any(each.is_held for each in self._found)

    async def _given_more(self) -> bool:
        """Whether it was given something soon, as a busy one is: nobody has to let go and take it up again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._woken.wait()
        return self._woken.is_set()

    def room(self) -> int:
        """How many requests more may go to the sink, as far as this line knows."""
        if self.ends or self._is_paced():
            return 0
        rate = None if self._state is None else self._state.allowed_rate
        at_once = self._at_once if rate is None else min(self._at_once, max(1, rate // 60))
        return max(0, at_once - len(self._way))

    def plan(self, state: EndpointState, found: Sequence[PendingEvent], free: int) -> DeliverySchedule:
        """Which events to begin with. What was found is kept for as long as they are on their way."""
        if self._ended:  # while this was looked for
            return DeliverySchedule((), (), None)
        # Taken here, and not when asking: many ask at once, and would hold what others could begin with.
        self._got = self._share.reserve(free)
        self._found = found
        near = range(state.read_to + 1, min(state.last_number, state.read_to + self._reach.ahead) + 1)
        self._done |= {*near}.difference(each.number for each in found)  # given up, maybe before this line began
        made = self._planned(state, self._got)
        self._waits_for_turn = bool(made.start) and state.paced_until > self._common.sinks.now()
        if self._waits_for_turn:
            made = made._replace(start=())
        self._share.release(but=len(made.start))
        self._apart(made.hold)
        return made

    def _planned(self, state: EndpointState, free: int) -> DeliverySchedule:
        policy, now = self._common.sinks.policy, self._common.sinks.now()
        on_way = {each.number for each in self._way.values()}
        busy = {each.lane for each in self._found if each.number in on_way and each.lane is not None}
        full = sum(each.is_held for each in self._found) >= policy.most_held
        waiting = [
            WaitingEvent(each.number, each.lane, each.next_at, each.is_held)
            for each in self._found
            if each.number not in on_way and each.number not in self._done and (each.is_held or not full)
        ]
        if state.idle or state.not_before > now:
            free = 0
        if state.failed_in_row >= policy.in_row and free and not on_way:
            return probe(waiting, busy, new=state.failed_in_row % 2 == 1)
        return plan(waiting, busy, 0 if state.failed_in_row >= policy.in_row else free, now)

    def _apart(self, numbers: Sequence[int]) -> None:
        apart = set(numbers)
        if apart:
            self._found = [each._replace(is_held=each.is_held or each.number in apart) for each in self._found]

    async def _passed_over(self) -> bool:
        """Whether numbers were kept apart now that others are done after: what is done is then known to everybody."""
        last = max(self._done, default=0)
        over = [n for n in (each.number for each in self._found) if n < last and n not in {*self._done, *self._held()}]
        if over:
            await self._books.hold([(self._id, number) for number in over])
            self._apart(over)
        return bool(over)

    def _start(self, look: FetchResult) -> None:
        """What was found is on its way, with what was reserved for it."""
        self._state, self._keys = look.state, look.keys
        if not self._woken.is_set():  # by something that this look may not have seen
            self._looked_at = time.monotonic()
        self._post_soon(look.start)
        if look.start and look.state.allowed_rate is not None:
            self._paced_until = time.monotonic() + len(look.start) * 60.0 / look.state.allowed_rate
        elif (paced_s := (look.state.paced_until - self._common.sinks.now()).total_seconds()) > 0:
            self._paced_until = time.monotonic() + paced_s

    def _post_soon(self, some: Sequence[tuple[PendingEvent, WebhookMessage]]) -> None:
        self._share.begin(len(some))
        for event, said in some:
            assert self._state is not None
            posted = self._common.sinks.posted(self._state.url, said, list(self._keys), self._state.failed)
            self._way[asyncio.create_task(posted)] = event

    async def _wait(self, seconds: float) -> None:
        """Something came back, was given, or it is time to look."""
        woken = asyncio.create_task(self._woken.wait())
        try:
            # Whatever is woken by may only be begun where there is room for it.
            watched = {*self._way, woken} if len(self._way) < self._at_once else {*self._way}
            await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def _settle(self) -> bool:
        """Whether what came back is written down; not where the sink is another's by now."""
        back = [task for task in self._way if task.done()]
        if not back and not self._moves():
            return True
        assert self._state is not None
        common, now = self._common, self._common.sinks.now()
        outcomes = [task.result() for task in back]
        ended = [AttemptEnd(self._way.pop(task), outcome) for task, outcome in zip(back, outcomes, strict=True)]
        self._share.end(len(ended))
        self._count(ended, now)
        standing = EndpointHealth(self._state.read_to, self._state.failed_in_row, self._state.failing_since)
        what, self._done = settled(ended, standing, self._held(), self._done, common.sinks.policy, common.chance, now)
        self._state = stands(self._state, what)
        if what.again:  # Whatever follows on its pathway waits for it: a look tells what that is.
            self._handed, self._looked_at = (), _NOT_YET
        return await self._books.settle(self._id, what)

    def _held(self) -> set[int]:
        return {each.number for each in self._found if each.is_held}

    def _moves(self) -> bool:
        """Whether the first number that is not done was kept apart since, or given up."""
        return self._state is not None and self._state.read_to + 1 in self._held() | self._done

    def _count(self, ended: Sequence[AttemptEnd], now: datetime) -> None:
        for event, outcome in ended:
            label = {"pathline.organisation": self.org}
            WEBHOOK_REQUESTS.add(1, {**label, "pathline.outcome": outcome.word})
            if outcome.word == "delivered":
                self._at_once = min(self._common.sinks.policy.at_once, self._at_once + 1)
                WEBHOOK_DELAY.record(max(0.0, (now - event.given_at).total_seconds()), label)
            else:
                self._at_once = max(1, self._at_once // 2)

    async def _released(self, look: FetchResult, *, is_paced: bool = False) -> bool:
        """Whether the sink is nobody's until there is something to do; not where somebody changed it just now."""
        state, now = look.state, self._common.sinks.now()
        probing = state.failed_in_row >= self._common.sinks.policy.in_row
        due = look.plan.next_at or _NEVER
        if self._waits(state) and (self.ends or probing or state.idle or state.not_before > now or is_paced):
            due = now
        not_before = max(state.not_before, now + timedelta(seconds=max(0.0, self._paced_until - time.monotonic())))
        return await self._books.release(EndpointRelease(self._id, due, state.last_number, not_before, state.changed))
