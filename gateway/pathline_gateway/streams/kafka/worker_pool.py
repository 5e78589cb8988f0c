"""Starts a writer for each series that this process has leased."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)

from pathline_gateway.background.faults import error_reason, is_outage
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.log_cause import because, error_label
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.streams.kafka import progress_repository, topic_repository
from pathline_gateway.streams.kafka.client_lifetime import finish_stopping
from pathline_gateway.streams.kafka.worker import TopicWorker
from pathline_gateway.streams.kafka.write_context import WriteContext
from pathline_gateway.streams.subscriptions import repository as subscription_repository

_log = logging.getLogger(__name__)

WORK: Final = "kafka-out"
_REPORTER: Final = "kafka-out-writers"
_BROKER: Final = "The broker"
_FORGOTTEN_AFTER_S: Final = 65.0
"""Longer than a writer waits before it tries again: nobody tries any more."""
_MAX_WORKERS: Final = 256
"""Each has connections of its own to the broker."""
_NOT_AUTHORISED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


class TopicWorkerPool:
    """The writers of one process: one for each series that has something to be written, and is nobody else's."""

    def __init__(self, context: WriteContext, health: Health) -> None:
        self._context, self._health = context, health
        self._holder = uuid4()
        self._lease = timedelta(seconds=context.policy.lease_s)
        self._workers: dict[UUID, tuple[TopicWorker, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._renewed_at = time.monotonic()
        self._logged_defects: set[str] = set()
        self._outage_at: float | None = None
        """When a writer last met the absence of the broker, until one has written since."""

    def wake(self, subscriptions: Mapping[UUID, int]) -> None:
        """These were given something, up to these numbers."""
        for subscription, last in subscriptions.items():
            if (entry := self._workers.get(subscription)) is not None:
                entry[0].wake(last)
        self._wake.set()

    def wake_all(self) -> None:
        """A topic was made: what waits for it can be written."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Writes as events are given; when it ends, others may go on at once."""
        return Loop(WORK, self.run_once, self._context.policy.poll_s, self._wake, 0.02, on_stop=self.shut_down)

    async def run_once(self) -> None:
        """Leases last, writers know what others gave, and new writers have begun."""
        for series in [id for id, (_, task) in self._workers.items() if task.done()]:
            self._workers.pop(series)
        began_at = time.monotonic()
        self._clear_outage(began_at)
        async with self._context.pool.acquire() as connection:
            await self._renew(connection, began_at)
            if self._workers:
                last_numbers = await subscription_repository.fetch_last_numbers(connection, list(self._workers))
                for series, (worker, _) in self._workers.items():
                    worker.wake(last_numbers.get(series, worker.last_seen + 1))  # paused or gone: it finds out
            await self._acquire(connection, began_at + self._context.policy.lease_s)

    def _clear_outage(self, now: float) -> None:
        """The broker takes records again, or nobody has anything to write any more."""
        if self._outage_at is not None and (
            any(worker.written_at > self._outage_at for worker, _ in self._workers.values())
            or now - self._outage_at > _FORGOTTEN_AFTER_S
        ):
            self._outage_at = None
        if self._outage_at is None:
            self._health.outages.clear(_REPORTER)

    async def _renew(self, connection: asyncpg.Connection, now: float) -> None:
        if not self._workers or now - self._renewed_at <= self._context.policy.lease_s / 6:
            return
        renewed = await progress_repository.renew_leases(connection, self._holder, list(self._workers), self._lease)
        self._renewed_at = now
        for series, (worker, task) in self._workers.items():
            if series in renewed:
                worker.lease_until = now + self._context.policy.lease_s
            else:
                task.cancel()

    async def _acquire(self, connection: asyncpg.Connection, lease_until: float) -> None:
        free = _MAX_WORKERS - len(self._workers)
        if free <= 0:
            return
        held_by_org = Counter(worker.org for worker, _ in self._workers.values())
        leases = await progress_repository.acquire_leases(
            connection, self._holder, self._lease, held_by_org, free, self._context.limits.topics
        )
        for series, org in leases:
            if (previous := self._workers.get(series)) is not None:  # its lease ended unnoticed
                previous[1].cancel()
            worker = TopicWorker(self._context, self._holder, series, org, lease_until)
            self._workers[series] = (worker, asyncio.create_task(self._run(worker)))

    async def _run(self, worker: TopicWorker) -> None:
        """The writer, whose end is nobody else's."""
        try:
            await worker.run()
            async with self._context.pool.acquire() as connection:
                await progress_repository.release(connection, self._holder, worker.series)
            # Whatever was given while it was let go is found by a look.
            self._wake.set()
        except Exception as error:
            await self._end_badly(worker, error)

    async def _end_badly(self, worker: TopicWorker, error: Exception) -> None:
        """It is tried again later. An outage is logged once for all, and a defect once for its reason."""
        reason = failure_reason(error)
        if is_outage(error):
            if isinstance(error, KafkaError):
                self._outage_at = time.monotonic()
                self._health.outages.report(_BROKER, _REPORTER, error_label(error))
        elif reason not in self._logged_defects:
            self._logged_defects.add(reason)
            _log.error("a topic is not written: %s", error_reason(error), extra=because(error_reason(error)))
        try:
            async with self._context.pool.acquire() as connection:
                if isinstance(error, UnknownTopicOrPartitionError):
                    topic = await topic_repository.find_of_series(connection, worker.series)
                    if topic is not None:
                        await topic_repository.mark_missing(connection, topic)
                await progress_repository.record_failure(
                    connection,
                    self._holder,
                    worker.series,
                    reason,
                    self._context.now(),
                    0.5 + self._context.rng.random() / 2,
                )
        except UNAVAILABLE_ERRORS as away:
            _log.info("a topic is taken over once its lease ends: %s", type(away).__name__, extra=because(away))

    async def shut_down(self) -> None:
        """Nothing is being written, and no series waits for its lease to end."""
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        await finish_stopping()
        try:
            async with asyncio.timeout(2), self._context.pool.acquire() as connection:
                await progress_repository.release_all(connection, self._holder)
        except UNAVAILABLE_ERRORS as error:
            _log.info("topics are taken over once their leases end: %s", type(error).__name__, extra=because(error))


def failure_reason(error: Exception) -> str:
    """What the owner of a subscription is told: a stable word."""
    if isinstance(error, UnknownTopicOrPartitionError):
        return "topic-missing"
    if isinstance(error, _NOT_AUTHORISED):
        return "not-authorised"
    if isinstance(error, ProducerFenced):
        return "taken-over"
    if isinstance(error, KafkaError):
        return "broker-unavailable"
    return "gateway-unavailable" if is_outage(error) else "gateway-fault"
