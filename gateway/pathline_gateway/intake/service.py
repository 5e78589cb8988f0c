"""The running intake: consumer, pipeline and what watches them; a consumer that stopped is replaced by a new one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Self

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.background.faults import absent_component
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import Loop, stop_with_timeout, supervised
from pathline_gateway.intake.batch_persister import BatchPersister
from pathline_gateway.intake.batch_transaction import ApplyTarget, FetchedBeyondPosition
from pathline_gateway.intake.kafka_consumer import TOPICS, Consumer
from pathline_gateway.intake.pipeline import Pipeline
from pathline_gateway.intake.record_writer import BatchResult
from pathline_gateway.intake.stall_detection import IntakeVitals, RecoveryAction, choose_recovery, readiness_problem
from pathline_gateway.kafka import client_config, offset_repository
from pathline_gateway.kafka.log_inspector import LogInspector
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.kafka.start_positions import StartPositionResolver
from pathline_gateway.log_cause import because, error_label
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.instruments import INTAKE_REBUILDS, INTAKE_RECORDS

_log = logging.getLogger(__name__)

_WATCH_EVERY_S = 1.0
_SURVEY_EVERY_S = 2.0
"""How old what is known of other processes' partitions may be."""
_AUDIT_EVERY_S = 30.0
"""A topic that was made again and has grown past our position is noticed within this."""
_SURVEY_FRESH_S = 0.25
_SURVEY = "survey"
"""The work that reports a missing broker: every intake process runs it."""
_ENDS_MAX_AGE_S = 5.0
"""From when on ends are too old to say anything of what was published since."""
_FOLLOW_EVERY_S = 0.01
"""How much later an answer comes that waits for another process: little beside the transaction itself."""
_DRAIN_S = 5.0
"""A stop waits so long for the current batch; a batch that is not stored is read again at the next start."""


class Intake:
    """Everything between the topics and the tables."""

    def __init__(
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        epoch: int,
        progress: Progress,
        on_stored: Callable[[bool], None] = lambda _: None,
        health: Health | None = None,
    ) -> None:
        """`on_stored` is called when something was committed, with whether it may change who is who."""
        self._settings, self._pool, self._epoch, self._progress = settings, pool, epoch, progress
        self._on_stored = on_stored
        self._health = health or Health()
        self._log_inspector = LogInspector(client_config.options(settings))
        self._start_positions = StartPositionResolver(pool, settings.group, epoch, self._log_inspector)
        self._persister = BatchPersister(
            pool,
            ApplyTarget(settings.group, settings.dev_auth == "off", settings.limits),
            self._on_batch_stored,
            self._health,
        )
        self._pipeline = Pipeline(self._persister, settings.group, self._refetch)
        self._consumer = self._build_consumer()
        self._repositioned_at = self._audited_at = self._surveyed_at = self._ends_fetched_at = 0.0
        self._survey_lock = asyncio.Lock()
        self._consumer_positions: dict[Partition, int] = {}

    def _build_consumer(self) -> Consumer:
        self._built_at = time.monotonic()
        return Consumer(self._settings, self._start_positions, self._pipeline, self._progress)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[Self]:
        """Intake runs as long as the block does; the current batch is finished."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(stop_with_timeout, self._log_inspector.stop)
            await self._log_inspector.start()
            stack.push_async_callback(stop_with_timeout, lambda: self._consumer.stop())
            for loop in (
                self._pipeline.loop,
                Loop("intake-commits", self._commit, _WATCH_EVERY_S),
                Loop("intake-watch", self._watch, _WATCH_EVERY_S),
                Loop("intake-positions", self._follow_other_processes, 0.0),
            ):
                await stack.enter_async_context(supervised(loop, self._health))
            stack.push_async_callback(self._pipeline.drain, _DRAIN_S)
            await self._consumer.start()
            yield self

    async def wait_assigned(self) -> None:
        """Returns once the group has given this process its partitions, be it none."""
        await self._consumer.assigned.wait()

    def readiness_problem(self) -> tuple[str, str] | None:
        """Why no traffic should come here: reason and detail; None when it may."""
        if not self._consumer.assigned.is_set():
            return "no-partitions", "intake has not got its partitions yet"
        return readiness_problem(self._vitals())

    async def survey(self) -> None:
        """What is known of every partition is no older than a quarter of a second, where broker and Postgres answer."""
        async with self._survey_lock:
            if time.monotonic() - self._surveyed_at < _SURVEY_FRESH_S:
                return
            started_at = time.monotonic()
            try:
                for partition, end in (await self._log_inspector.fetch_end_offsets(TOPICS)).items():
                    self._progress.observe_end(partition, end)
            except KafkaError as error:
                self._health.outages.report(absent_component(error), _SURVEY, error_label(error))
            else:
                self._ends_fetched_at = started_at
                self._health.outages.clear(_SURVEY)
            await self._refresh_positions()
            self._surveyed_at = time.monotonic()

    async def survey_ends_age(self) -> float | None:
        """How many seconds ago the ends that are known now were asked for; None where the broker did not answer."""
        await self.survey()
        age = time.monotonic() - self._ends_fetched_at
        return age if age < _ENDS_MAX_AGE_S else None

    async def _follow_other_processes(self) -> None:
        """While somebody waits for a partition that another process has, it is looked at often enough for him."""
        await self._progress.has_waiters.wait()
        while self._progress.waiter_counts.keys() - self._consumer.partitions():
            await self._refresh_positions()
            await asyncio.sleep(_FOLLOW_EVERY_S)
        # Only now: where looking failed, this begins again, and there is still somebody who waits.
        self._progress.has_waiters.clear()

    async def _refresh_positions(self) -> None:
        async with self._pool.acquire() as connection:
            epochs = await offset_repository.read_epochs(connection, self._epoch)
            positions = await offset_repository.read(connection, self._settings.group, epochs)
        await self._progress.advance({p: position.next_offset for p, position in positions.items()})

    async def _on_batch_stored(self, result: BatchResult) -> None:
        _count_result(result)
        self._consumer.note_stored(result.next_offsets)
        if result.accepted or result.evidence:
            self._on_stored(result.touches_identity)
        await self._progress.advance(result.next_offsets)
        await self._start_positions.checkpoint_new_logs(result.last_positions, result.epochs)

    def _refetch(self, error: FetchedBeyondPosition) -> None:
        self._consumer.refetch(error)

    async def _commit(self) -> None:
        await self._consumer.commit()

    async def _note_idle_positions(self) -> None:
        """Where the consumer was a second ago, and still is, with no batch in work, there are no records before it."""
        previous, self._consumer_positions = self._consumer_positions, await self._consumer.idle_positions()
        if not self._pipeline.is_busy:
            self._progress.idle_positions |= {
                p: offset for p, offset in self._consumer_positions.items() if previous.get(p) == offset
            }

    async def _watch(self) -> None:
        now = time.monotonic()
        await self._note_idle_positions()
        if now - self._surveyed_at >= _SURVEY_EVERY_S:
            await self.survey()
        action = choose_recovery(self._vitals())
        if action is RecoveryAction.NOTHING and now - self._audited_at >= _AUDIT_EVERY_S:
            self._audited_at = now
            if await self._start_positions.any_replaced(self._consumer.partitions()):
                action = RecoveryAction.REPOSITION
        if action is RecoveryAction.REPOSITION:
            self._repositioned_at = now
            await self._consumer.reposition()
        elif action is RecoveryAction.REBUILD:
            await self._rebuild()

    async def _rebuild(self) -> None:
        _log.error(
            "there are records to read and none is read: the consumer is replaced by a new one",
            extra=because("stalled"),
        )
        INTAKE_REBUILDS.add(1, {"pathline.reason": "stalled"})
        old_consumer, self._consumer = self._consumer, self._build_consumer()
        await stop_with_timeout(old_consumer.stop)
        await self._consumer.start()

    def _vitals(self) -> IntakeVitals:
        now = time.monotonic()
        failing_since = self._persister.failing_since
        return IntakeVitals(
            stalled_s=self._progress.stalled_for(self._consumer.partitions()),
            database_failing_s=0.0 if failing_since is None else now - failing_since,
            busy=self._pipeline.is_busy,
            since_repositioned_s=now - self._repositioned_at,
            since_built_s=now - self._built_at,
        )


def _count_result(result: BatchResult) -> None:
    for state, n in (("accepted", result.accepted), ("evidence", result.evidence), ("duplicate", result.duplicates)):
        if n:
            INTAKE_RECORDS.add(n, {"pathline.outcome": state})
    for parked in result.parked:
        INTAKE_RECORDS.add(1, {"pathline.outcome": "parked", "pathline.reason": parked.reason})
