"""Starts a worker for each endpoint that this process has leased."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from pathline_gateway.background.faults import concerns_record, reason_of
from pathline_gateway.background.loop import Loop
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch.event_rendering import RenderContext
from pathline_gateway.streams.dispatch.push import CommitCallback, Given
from pathline_gateway.streams.webhooks import delivery_repository, endpoint_repository
from pathline_gateway.streams.webhooks.batched_store import DeliveryBatcher
from pathline_gateway.streams.webhooks.pushed_events import PushedEvents, begun, handed
from pathline_gateway.streams.webhooks.worker import EndpointWorker
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_turns import most_of_one, replaced
from pathline_gateway.time_slice import TimeSlice

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.25
"""How long what another process gave may wait unseen."""
_TOGETHER_S: Final = 0.02
"""What is given within this time is looked for once."""
WORK: Final = "webhooks"
_WELL_S: Final = 1.0
"""How long a line goes on before it is taken for well."""
_MOST_LINES: Final = 1_024
_FAILED: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class WebhookWorkerPool:
    """The lines of one process: one for each sink that has something to be posted, and is nobody else's."""

    def __init__(self, common: WorkerContext) -> None:
        self._common = common
        self._me = uuid4()
        self._books = DeliveryBatcher(common, self._me)
        self._most_of_one = common.limits.sinks_at_once
        self._lease = timedelta(seconds=common.sinks.policy.lease_s)
        self._lines: dict[UUID, tuple[EndpointWorker, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._failed: dict[UUID, Exception] = {}
        """Subscriptions whose lines failed since the last turn, and why."""
        self._ended_well: set[UUID] = set()
        self._looked_well = time.monotonic()
        self._renewed = time.monotonic()

    def given(self, subscriptions: Mapping[UUID, int]) -> None:
        """These were given something, up to these numbers."""
        for subscription, last in subscriptions.items():
            if (found := self._lines.get(subscription)) is not None:
                found[0].wake(last)
        self._wake.set()

    async def told(self, moment: RenderContext, given: Sequence[Given]) -> list[CommitCallback]:
        """See `at_hand`. A sink that somebody changes, or has taken over, is none that waits."""
        waiting = [(found[0], each) for each in given if (found := self._lines.get(each.subscription.id)) is not None]
        waiting = [(line, each) for line, each in waiting if line.waits_after(each.events[0][0] - 1)]
        ids, now = [each.subscription.id for _, each in waiting], self._common.sinks.now()
        if not ids:
            return []
        states = await delivery_repository.states(moment.connection, ids, self._me)
        keys = await endpoint_repository.secrets_of(moment.connection, ids, now)
        on_way = [(each.subscription.id, number) for line, each in waiting for number in line.on_way()]
        lanes = await delivery_repository.lanes(moment.connection, on_way)
        hands: list[CommitCallback] = []
        slice = TimeSlice()
        for line, (subscription, events) in waiting:
            if slice.is_spent:
                await slice.renew()
            if (state := states.get(subscription.id)) is None or state.idle:
                continue
            busy = lanes.get(subscription.id, {})
            some = events[: begun([row["pathway"] for _, row in events], busy.values(), line.room())]
            if some:
                said = await handed(moment, subscription.seeing(self._common.everything), some, now)
                told = PushedEvents(events[0][0] - 1, said, state, keys[subscription.id], busy)
                hands.append(partial(line.hand, told))
        return hands

    @property
    def loop(self) -> Loop:
        """Posts as events are given; when it ends, others may go on at once."""
        return Loop(WORK, self._turn, _LOOK_EVERY_S, self._wake, gather_s=_TOGETHER_S, end=self._end)

    async def _turn(self) -> None:
        """Leases last, and new lines have begun."""
        for subscription in [id for id, (_, task) in self._lines.items() if task.done()]:
            self._lines.pop(subscription)
        began = time.monotonic()
        async with self._common.pool.acquire() as connection:
            if self._failed:
                await self._note_failed(connection)
            if began - self._looked_well >= _WELL_S:
                self._looked_well = began
                await self._note_well(connection)
            if self._lines and began - self._renewed > self._common.sinks.policy.lease_s / 6:
                self._last(await delivery_repository.renew(connection, self._me, list(self._lines), self._lease), began)
            await self._take(connection, began + self._common.sinks.policy.lease_s)

    async def _take(self, connection: asyncpg.Connection, lease_until: float) -> None:
        """Whoever has something to post has a line, or has one soon."""
        room, now = _MOST_LINES - len(self._lines), self._common.sinks.now()
        if room:
            held = Counter(line.org for line, _ in self._lines.values())
            taken = await delivery_repository.take(
                connection, self._me, self._lease, now, room, held, self._most_of_one
            )
            for id, org in taken:
                self._begin(id, org, lease_until)
        lines = [line for line, _ in self._lines.values()]
        if len(lines) == _MOST_LINES or most_of_one(lines) >= self._most_of_one:
            due = await delivery_repository.due(connection, now)
            for line in replaced(lines, due, _MOST_LINES, self._most_of_one, time.monotonic()):
                line.end_soon()

    def _last(self, ours: set[UUID], since: float) -> None:
        self._renewed = since
        for id, (line, task) in self._lines.items():
            if id in ours:
                line.lease_until = since + self._common.sinks.policy.lease_s
            else:
                task.cancel()

    def _begin(self, id: UUID, org: str, lease_until: float) -> None:
        if (known := self._lines.get(id)) is not None:  # its lease ended unnoticed
            known[1].cancel()
        line = EndpointWorker(self._common, self._books, id, org, lease_until)
        self._lines[id] = (line, asyncio.create_task(self._kept(line)))

    async def _kept(self, line: EndpointWorker) -> None:
        """The line, whose end is nobody else's."""
        try:
            await line.run()
            self._ended_well.add(line.id)
        except Exception as failed:
            if concerns_record(failed):
                self._failed[line.id] = failed
            else:
                _log.info("webhooks: a sink is taken up again later: %s", reason_of(failed))
        self._wake.set()

    async def _note_failed(self, connection: asyncpg.Connection) -> None:
        """Subscriptions whose lines failed are set aside for a while: nobody takes them up until then."""
        failed, self._failed = self._failed, {}
        await set_aside.put(connection, WORK, "subscription", {_key(id): why for id, why in failed.items()})
        await delivery_repository.let_go(connection, self._me, list(failed))

    async def _note_well(self, connection: asyncpg.Connection) -> None:
        """Those whose lines have gone on for a while, or have ended well, are set aside no longer."""
        now, ended, self._ended_well = time.monotonic(), self._ended_well, set[UUID]()
        lasting = {id for id, (line, task) in self._lines.items() if not task.done() and now - line.began > _WELL_S}
        well = [_key(id) for id in lasting | ended]
        await set_aside.release(connection, WORK, await set_aside.among(connection, WORK, well))

    async def _end(self) -> None:
        """No request is on its way, and no sink waits for its lease to end."""
        tasks = [task for _, task in self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()
        try:
            async with asyncio.timeout(2), self._common.pool.acquire() as connection:
                await delivery_repository.release_all(connection, self._me)
        except (TimeoutError, *_FAILED) as failed:
            _log.info("webhooks: sinks are taken over once their leases end: %s", type(failed).__name__)


def _key(subscription: UUID) -> str:
    return f"subscription:{subscription}"
