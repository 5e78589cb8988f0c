"""Decoding of the next batch overlaps the database work of this one (design: intake)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from opentelemetry.trace import Link, SpanKind

from pathline.producer import TOPIC_PREFIX
from pathline_gateway.background.loop import Loop
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_persister import BatchPersister
from pathline_gateway.intake.batch_transaction import FetchedBeyondPosition
from pathline_gateway.intake.record import Accepted, Reading, Record
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.telemetry.instruments import INTAKE_BATCH_DURATION, MAX_LINKS, link_to, spanning

_SLICE = 64
"""Records read before the loop turns: about two milliseconds, the most that a waiting database answer is delayed."""


@dataclass
class Pipeline:
    """One batch is being read, one waits, one is being stored: memory is bounded, and the poll waits for Postgres."""

    persister: BatchPersister
    group: str
    refetch: Callable[[FetchedBeyondPosition], None]
    """Called when batches must be fetched again; what was read is dropped already."""
    _waiting: asyncio.Queue[tuple[int, Batch]] = field(default_factory=lambda: asyncio.Queue(1))
    _generation: int = 0
    _closing: bool = False
    _storing: bool = False

    @property
    def busy(self) -> bool:
        """Whether something is being stored or waits for it."""
        return self._storing or not self._waiting.empty()

    def drop(self) -> None:
        """What was read and is not being stored yet is forgotten: the consumer stands elsewhere now."""
        self._generation += 1

    async def take(
        self,
        records: Mapping[Partition, Sequence[Record]],
        fetched_from: Mapping[Partition, int],
        epochs: Mapping[Partition, int],
    ) -> None:
        """The batch is read, and will be stored after those before it."""
        generation = self._generation
        readings = {p: await _read(found) for p, found in records.items()}
        if not self._closing:
            await self._waiting.put((generation, Batch(readings, fetched_from, epochs)))

    @property
    def loop(self) -> Loop:
        """Stores what was taken, in order."""
        return Loop("intake-storing", self._turn, 0.0)

    async def _turn(self) -> None:
        generation, batch = await self._waiting.get()
        self._storing = True
        try:
            if generation == self._generation:
                await self._store(batch)
        finally:
            self._storing = False
            self._waiting.task_done()

    async def drain(self, seconds: float) -> None:
        """What was taken is stored, or was given up after so long; nothing more is taken."""
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._waiting.join()

    async def _store(self, batch: Batch) -> None:
        began = time.perf_counter()
        with spanning(
            f"process {TOPIC_PREFIX}*",
            kind=SpanKind.CONSUMER,
            links=_links(batch),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.consumer.group.name": self.group,
                "messaging.batch.message_count": len(batch),
            },
        ):
            try:
                await self.persister.persist(batch)
            except FetchedBeyondPosition as beyond:
                self.drop()
                self.refetch(beyond)
        INTAKE_BATCH_DURATION.record(time.perf_counter() - began)


async def _read(records: Sequence[Record]) -> list[Reading]:
    readings: list[Reading] = []
    for start in range(0, len(records), _SLICE):
        readings += map(parse_record, records[start : start + _SLICE])
        await asyncio.sleep(0)
    return readings


def _links(batch: Batch) -> list[Link]:
    """To the calls that published these; of what is no interaction, nothing is believed."""
    accepted = (r for found in batch.readings.values() for r in found if isinstance(r, Accepted))
    traces = dict.fromkeys(a.trace for a in accepted if a.trace is not None)
    return [link_to(*trace) for trace in islice(traces, MAX_LINKS)]
