"""Starts a worker for each sink that this process has leased."""

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

from pathline_gateway.background.faults import error_reason, is_outage
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch.event_rendering import RenderContext
from pathline_gateway.streams.dispatch.push import CommitCallback, NewDeliveries
from pathline_gateway.streams.webhooks import delivery_repository, lease_repository, sink_repository
from pathline_gateway.streams.webhooks.batched_store import DeliveryBatcher
from pathline_gateway.streams.webhooks.pushed_events import PushedEvents, render_pushed, startable_prefix
from pathline_gateway.streams.webhooks.worker import SinkWorker
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_eviction import choose_workers_to_stop, max_workers_per_org
from pathline_gateway.time_slice import TimeSlice

_log = logging.getLogger(__name__)

_POLL_INTERVAL_S: Final = 0.25
"""How long what another process gave may wait unseen."""
_GATHER_S: Final = 0.02
"""Deliveries that come within this time are looked up once."""
WORK: Final = "webhooks"
_HEALTHY_AFTER_S: Final = 1.0
"""How long a worker goes on before it is taken for well."""
_MAX_WORKERS: Final = 1_024


class WebhookWorkerPool:
    """The workers of one process: one for each sink that has something to be posted, and is nobody else's."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._holder_id = uuid4()
        self._batcher = DeliveryBatcher(context, self._holder_id)
        self._max_per_org = context.limits.sinks_at_once
        self._lease = timedelta(seconds=context.sender.policy.lease_s)
        self._workers: dict[UUID, tuple[SinkWorker, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._failures: dict[UUID, Exception] = {}
        """Subscriptions whose workers failed since the last turn, and why."""
        self._set_aside_by_reason: dict[str, set[UUID]] = {}
        """Sinks whose deliveries this process has set aside: a reason is logged once, and once when it is over."""
        self._completed: set[UUID] = set()
        self._health_checked_at = time.monotonic()
        self._renewed_at = time.monotonic()

    def wake(self, subscriptions: Mapping[UUID, int]) -> None:
        """These were given something, up to these numbers."""
        for subscription, last in subscriptions.items():
            if (entry := self._workers.get(subscription)) is not None:
                entry[0].wake(last)
        self._wake.set()

    @property
    def has_waiting(self) -> bool:
        """See `PushTarget.has_waiting`: a worker may, and is asked where something is given."""
        return bool(self._workers)

    async def prepare_push(self, context: RenderContext, deliveries: Sequence[NewDeliveries]) -> list[CommitCallback]:
        """See `PushTarget.prepare_push`. A sink that somebody changes, or has taken over, is none that waits."""
        targets = [
            (entry[0], each) for each in deliveries if (entry := self._workers.get(each.subscription.id)) is not None
        ]
        targets = [(worker, each) for worker, each in targets if worker.is_caught_up_to(each.after)]
        ids, now = [each.subscription.id for _, each in targets], self._context.sender.now()
        if not ids:
            return []
        states = await delivery_repository.fetch_states(context.connection, ids, self._holder_id)
        secrets = await sink_repository.fetch_secrets_of(context.connection, ids, now)
        in_flight = [
            (each.subscription.id, number) for worker, each in targets for number in worker.in_flight_numbers()
        ]
        ordering_keys = await delivery_repository.fetch_ordering_keys(context.connection, in_flight)
        callbacks: list[CommitCallback] = []
        slice = TimeSlice()
        for worker, each in targets:
            subscription = each.subscription
            if slice.is_spent:
                await slice.renew()
            if (state := states.get(subscription.id)) is None or state.is_idle:
                continue
            busy_keys = ordering_keys.get(subscription.id, {})
            startable = each.events(
                startable_prefix([row["pathway"] for row in each.rows], busy_keys.values(), worker.free_slots())
            )
            if startable:
                pushed = await render_pushed(
                    context, subscription.effective(self._context.auth_disabled), startable, now
                )
                pushed_events = PushedEvents(each.after, pushed, state, secrets[subscription.id], busy_keys)
                callbacks.append(partial(worker.push, pushed_events))
        return callbacks

    @property
    def loop(self) -> Loop:
        """Posts as events are given; when it ends, others may go on at once."""
        return Loop(WORK, self._run_once, _POLL_INTERVAL_S, self._wake, linger_s=_GATHER_S, on_stop=self._shut_down)

    async def _run_once(self) -> None:
        """Leases last, and new workers have begun."""
        for subscription in [id for id, (_, task) in self._workers.items() if task.done()]:
            self._workers.pop(subscription)
        started_at = time.monotonic()
        async with self._context.pool.acquire() as connection:
            if self._failures:
                await self._set_aside_failed(connection)
            if started_at - self._health_checked_at >= _HEALTHY_AFTER_S:
                self._health_checked_at = started_at
                await self._release_healthy(connection)
            if self._workers and started_at - self._renewed_at > self._context.sender.policy.lease_s / 6:
                self._apply_renewal(
                    await lease_repository.renew_leases(connection, self._holder_id, list(self._workers), self._lease),
                    started_at,
                )
            await self._acquire(connection, started_at + self._context.sender.policy.lease_s)

    async def _acquire(self, connection: asyncpg.Connection, lease_until: float) -> None:
        """Whoever has something to post has a worker, or has one soon."""
        free_workers, now = _MAX_WORKERS - len(self._workers), self._context.sender.now()
        if free_workers:
            workers_by_org = Counter(worker.org for worker, _ in self._workers.values())
            leases = await lease_repository.acquire_leases(
                connection, self._holder_id, self._lease, now, free_workers, workers_by_org, self._max_per_org
            )
            for id, org in leases:
                self._start_worker(id, org, lease_until)
        workers = [worker for worker, _ in self._workers.values()]
        if len(workers) == _MAX_WORKERS or max_workers_per_org(workers) >= self._max_per_org:
            due = await lease_repository.count_due(connection, now)
            for worker in choose_workers_to_stop(workers, due, _MAX_WORKERS, self._max_per_org, time.monotonic()):
                worker.stop_soon()

    def _apply_renewal(self, renewed_ids: set[UUID], renewed_at: float) -> None:
        self._renewed_at = renewed_at
        for id, (worker, task) in self._workers.items():
            if id in renewed_ids:
                worker.lease_until = renewed_at + self._context.sender.policy.lease_s
            else:
                task.cancel()

    def _start_worker(self, id: UUID, org: str, lease_until: float) -> None:
        if (previous := self._workers.get(id)) is not None:  # its lease ended unnoticed
            previous[1].cancel()
        worker = SinkWorker(self._context, self._batcher, id, org, lease_until)
        self._workers[id] = (worker, asyncio.create_task(self._run_worker(worker)))

    async def _run_worker(self, worker: SinkWorker) -> None:
        """The worker, whose end is nobody else's."""
        try:
            await worker.run()
            self._completed.add(worker.id)
        except Exception as error:
            if is_outage(error):
                _log.info("a sink is taken up again later: %s", error_reason(error), extra=because(error_reason(error)))
            else:
                self._failures[worker.id] = error
        self._wake.set()

    async def _set_aside_failed(self, connection: asyncpg.Connection) -> None:
        """Subscriptions whose workers failed are set aside for a while: nobody takes them up until then."""
        failures, self._failures = self._failures, {}
        for id, error in failures.items():
            ids = self._set_aside_by_reason.setdefault(error_reason(error), set())
            if not ids:
                _log.error(
                    "a sink's deliveries are set aside: %s",
                    error_reason(error),
                    extra=because(error_reason(error)),
                )
            ids.add(id)
        await set_aside.put(connection, WORK, "subscription", {_key(id): why for id, why in failures.items()})
        await lease_repository.drop_leases(connection, self._holder_id, list(failures))

    async def _release_healthy(self, connection: asyncpg.Connection) -> None:
        """Those whose workers have gone on for a while, or have ended well, are set aside no longer."""
        now, completed, self._completed = time.monotonic(), self._completed, set[UUID]()
        healthy = {
            id
            for id, (worker, task) in self._workers.items()
            if not task.done() and now - worker.started_at > _HEALTHY_AFTER_S
        }
        keys = [_key(id) for id in healthy | completed]
        await set_aside.release(connection, WORK, await set_aside.find_set_aside(connection, WORK, keys))
        # Asked, because another process may have released it, or its owner ended it.
        known_keys = [_key(id) for ids in self._set_aside_by_reason.values() for id in ids]
        remaining = await set_aside.find_set_aside(connection, WORK, known_keys)
        for reason, ids in list(self._set_aside_by_reason.items()):
            ids -= {id for id in ids if _key(id) not in remaining}
            if not ids:
                del self._set_aside_by_reason[reason]
                _log.warning("no sink's deliveries are set aside any longer: %s", reason, extra=because("recovered"))

    async def _shut_down(self) -> None:
        """No request is on its way, and no sink waits for its lease to end."""
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        try:
            async with asyncio.timeout(2), self._context.pool.acquire() as connection:
                await lease_repository.release_all_leases(connection, self._holder_id)
        except UNAVAILABLE_ERRORS as error:
            _log.info("sinks are taken over once their leases end: %s", type(error).__name__, extra=because(error))


def _key(subscription: UUID) -> str:
    return f"subscription:{subscription}"
