"""Decoding of the next batch overlaps the database work of this one (design: intake)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.trace import Span, SpanKind

from pathline.producer import TOPIC_PREFIX
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_persister import WORK, BatchPersister
from pathline_gateway.intake.batch_transaction import FetchedBeyondPosition
from pathline_gateway.intake.record import Accepted, KafkaRecord, ParsedRecord
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.telemetry.instruments import INTAKE_BATCH_DURATION, link_all, link_to, start_span

_SPAN_NAME: Final = f"process {TOPIC_PREFIX}*"
_SLICE = 64
"""Records read before the loop turns: about two milliseconds, the most that a waiting database answer is delayed."""


@dataclass
class Pipeline:
    """Reads one batch while one waits and one is stored: memory is bounded, and the poll waits for Postgres."""

    persister: BatchPersister
    group: str
    refetch: Callable[[FetchedBeyondPosition], None]
    """Called when batches must be fetched again; the pipeline has dropped its own by then."""
    _queue: asyncio.Queue[tuple[int, Batch]] = field(default_factory=lambda: asyncio.Queue(1))
    _generation: int = 0
    _is_closing: bool = False
    _is_storing: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether something is being stored or waits for it."""
        return self._is_storing or not self._queue.empty()

    def drop(self) -> None:
        """What was read and is not being stored yet is forgotten: the consumer stands elsewhere now."""
        self._generation += 1

    async def enqueue(
        self,
        records: Mapping[Partition, Sequence[KafkaRecord]],
        fetched_from: Mapping[Partition, int],
        epochs: Mapping[Partition, int],
    ) -> None:
        """The batch is read, and will be stored after those before it."""
        generation = self._generation
        parsed_records = {p: await _parse_records(partition_records) for p, partition_records in records.items()}
        if not self._is_closing:
            await self._queue.put((generation, Batch(parsed_records, fetched_from, epochs)))

    @property
    def loop(self) -> Loop:
        """Stores what was taken, in order."""
        return Loop(WORK, self._store_next, 0.0)

    async def _store_next(self) -> None:
        generation, batch = await self._queue.get()
        self._is_storing = True
        try:
            if generation == self._generation:
                await self._store(batch)
        finally:
            self._is_storing = False
            self._queue.task_done()

    async def drain(self, seconds: float) -> None:
        """All queued batches are stored, or dropped after so long; no more are accepted."""
        self._is_closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._queue.join()

    async def _store(self, batch: Batch) -> None:
        started_at = time.perf_counter()
        with start_span(
            _SPAN_NAME,
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.consumer.group.name": self.group,
                "messaging.batch.message_count": len(batch),
            },
        ) as span:
            if span.is_recording():  # nothing is linked for nobody
                _link_publishers(span, batch)
            try:
                await self.persister.persist(batch)
            except FetchedBeyondPosition as error:
                self.drop()
                self.refetch(error)
        INTAKE_BATCH_DURATION.record(time.perf_counter() - started_at)


async def _parse_records(records: Sequence[KafkaRecord]) -> list[ParsedRecord]:
    parsed_records: list[ParsedRecord] = []
    for start in range(0, len(records), _SLICE):
        parsed_records += map(parse_record, records[start : start + _SLICE])
        await asyncio.sleep(0)
    return parsed_records


def _link_publishers(span: Span, batch: Batch) -> None:
    """Links to the calls that published these; of what is no interaction, nothing is believed."""
    interactions = (
        r for partition_records in batch.parsed_records.values() for r in partition_records if isinstance(r, Accepted)
    )
    link_all(span, _SPAN_NAME, [link_to(*accepted.trace) for accepted in interactions if accepted.trace is not None])
