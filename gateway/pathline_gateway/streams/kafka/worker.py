"""Writes one series to its topic, as long as there is something and the lease lasts."""

from __future__ import annotations

import asyncio
import time
from typing import Final
from uuid import UUID

from pathline_gateway.streams.kafka import progress_repository, topic_repository
from pathline_gateway.streams.kafka.batch_reader import BatchReader, ReadBatch
from pathline_gateway.streams.kafka.topic_names import TOPIC_PREFIX
from pathline_gateway.streams.kafka.topic_producer import TopicProducer, open_producer
from pathline_gateway.streams.kafka.write_context import WriteContext
from pathline_gateway.streams.kafka.write_range import resume_after
from pathline_gateway.telemetry.instruments import TOPIC_DELAY, TOPIC_RECORDS

_SPAN_NAME: Final = f"send {TOPIC_PREFIX}*"
_SPAN_ATTRIBUTES: Final = {
    "messaging.system": "kafka",
    "messaging.operation.type": "send",
    "messaging.operation.name": "send",
}
_LEASE_MARGIN_S: Final = 2.0
"""So long before its lease ends a writer begins no further write."""


class TopicWorker:
    """The loop of one series, from the moment that this process has it."""

    def __init__(self, context: WriteContext, holder: UUID, series: UUID, org: str, lease_until: float) -> None:
        self.lease_until = lease_until
        """In monotonic time; moved by whoever renews it."""
        self.series, self.org = series, org
        self.written_at = float("-inf")
        """When a write last succeeded, in monotonic time."""
        self.last_seen = 0
        """Up to which number it has looked."""
        self._context, self._holder = context, holder
        self._wake_event = asyncio.Event()

    def wake(self, last: int) -> None:
        """The series was given something, up to this number."""
        if last > self.last_seen:
            self._wake_event.set()

    async def run(self) -> None:
        """Writes until there is nothing to write, or the series is another process's. Raises KafkaError."""
        async with self._context.pool.acquire() as connection:
            topic = await topic_repository.find_of_series(connection, self.series)
        if topic is None:
            return
        producer = await open_producer(self._context.broker, topic.topic, self.series, topic.max_message_bytes)
        try:
            # Asked once nobody else can write any more: what was written before is stored by now, or never will be.
            reader = BatchReader(self._context, self.series, topic.max_message_bytes)
            position = await self._find_position(producer, reader)
            if position is not None:
                await self._write_all(producer, reader, position)
        finally:
            await producer.close()

    async def _find_position(self, producer: TopicProducer, reader: BatchReader) -> int | None:
        """After which number to go on; None where the series is another process's, or gone."""
        async with self._context.pool.acquire() as connection:
            acked_through = await progress_repository.find_position(connection, self._holder, self.series)
            if acked_through is None:
                return None
            committed = producer.position
            tag = None if committed is None else await reader.find_tag(connection, committed.number)
        return resume_after(acked_through, committed, tag)

    async def _write_all(self, producer: TopicProducer, reader: BatchReader, position: int) -> None:
        if producer.position is not None and not await self._acknowledge(position):
            return
        self._wake_event.clear()
        batch = await reader.read(position)
        while batch is not None and self.lease_until - time.monotonic() > _LEASE_MARGIN_S:
            self.last_seen = batch.position.number
            if not batch.records:
                if not await self._wait():
                    return
                batch = await reader.read(batch.after)
                continue
            # Once: where reading takes as long as that, there is no newer moment to be had.
            if time.monotonic() - batch.rendered_at > self._context.policy.max_age_s:
                batch = await reader.read(batch.after)
            batch = batch and await self._write(producer, reader, batch)

    async def _write(self, producer: TopicProducer, reader: BatchReader, batch: ReadBatch) -> ReadBatch | None:
        """What follows it, which is read meanwhile; None where the series is another process's by now."""
        started_at = time.time_ns()
        following = asyncio.create_task(reader.read(batch.position.number))
        try:
            await producer.write(batch.records, batch.position)
            self._record_metrics(batch)
            if batch.deliveries is not None:
                await batch.deliveries.record(_SPAN_NAME, started_at, _SPAN_ATTRIBUTES)
            if not await self._acknowledge(batch.position.number):
                return None
            return await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _acknowledge(self, through: int) -> bool:
        async with self._context.pool.acquire() as connection:
            return await progress_repository.acknowledge(
                connection, self._holder, self.series, through, self._context.now()
            )

    async def _wait(self) -> bool:
        """Whether it was given something, or may have been, before it had waited for long enough."""
        try:
            async with asyncio.timeout(self._context.policy.linger_s):
                await self._wake_event.wait()
        except TimeoutError:
            return False
        self._wake_event.clear()
        return True

    def _record_metrics(self, batch: ReadBatch) -> None:
        self.written_at = time.monotonic()
        label = {"pathline.organisation": self.org}
        TOPIC_RECORDS.add(len(batch.records), label)
        if batch.waiting_since is not None:
            TOPIC_DELAY.record(max(0.0, self._context.now().timestamp() - batch.waiting_since), label)
