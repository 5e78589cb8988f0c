"""Kafka into Postgres: FastStream polls batches, `apply` stores each in one transaction with its positions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from opentelemetry.trace import SpanKind

from pathline.producer import TOPIC_PREFIX
from pathline_gateway.intake.apply import Batch, FetchedBeyondPosition, Log, Outcome, apply
from pathline_gateway.intake.progress import Progress
from pathline_gateway.settings import Settings
from pathline_gateway.store import positions
from pathline_gateway.store.positions import Partition
from pathline_gateway.telemetry import (
    INTAKE_BATCH_DURATION,
    INTAKE_RECORDS,
    MAX_LINKS,
    link_to,
    parse_traceparent,
    spanning,
)

_log = logging.getLogger(__name__)

_PATTERN = "^" + TOPIC_PREFIX.replace(".", r"\.") + r"[a-z0-9-]+$"
_MAX_RECORDS = 2_000
"""Records in one transaction: more gain little and hold the change-log lock longer."""
_POLL_MS = 20
"""An empty poll sleeps as long again, so twice this is the most that an idle intake adds."""
_METADATA_MS = 2_000
"""A new organisation's topic is found within this."""
_BACKOFF_S = 0.5


class _Raw:
    """FastStream's codec, doing nothing: one record that cannot be decoded must not fail its batch."""

    async def decode(self, message: Any) -> Any:
        return message.raw_message

    async def decode_batch(self, message: Any) -> Any:
        return message.raw_message

    async def encode(self, message: Any, serializer: object = None) -> tuple[Any, None]:
        return message, None

    async def encode_batch(self, messages: Sequence[Any], serializer: object = None) -> list[tuple[Any, None]]:
        return [(message, None) for message in messages]


async def _raw_parser(records: Sequence[Any]) -> KafkaAckableMessage:
    """The batch as it is; never raises, whatever the headers hold."""
    return KafkaAckableMessage(
        body=[],
        headers={},
        batch_headers=[],
        content_type=None,
        correlation_id=None,
        message_id=f"{records[0].partition}-{records[0].offset}",
        raw_message=records,
        path={},
        consumer=None,
    )


class Consumer:
    """Consumes every `pathline.in.*` topic into one log epoch."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, epoch: int, progress: Progress) -> None:
        self._pool = pool
        self._progress = progress
        self._log = Log(settings.group, epoch, register_unknown=settings.dev_auth == "off")
        self._fetched: dict[Partition, int] = {}
        self.assigned = asyncio.Event()
        """Set once the group has given this process its partitions."""
        self._broker = KafkaBroker(
            settings.kafka, allow_auto_create_topics=False, metadata_max_age_ms=_METADATA_MS, logger=None
        )
        self._subscriber = self._broker.subscriber(
            pattern=_PATTERN,
            group_id=settings.group,
            batch=True,
            max_records=_MAX_RECORDS,
            batch_timeout_ms=_POLL_MS,
            fetch_max_wait_ms=_POLL_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 6,
            parser=_raw_parser,
            codec=_Raw(),
            listener=_Listener(self),
        )
        self._subscriber(self._consume)

    @property
    def _kafka(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise RuntimeError("the consumer is not started")
        return consumer

    async def start(self) -> None:
        """Consuming begins."""
        await self._broker.start()

    async def stop(self) -> None:
        """The batch at hand is finished, and consuming ends."""
        await self._broker.stop()

    async def on_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Each partition is read from where Postgres stands; the group's own commits are for lag tools only."""
        async with self._pool.acquire() as connection:
            stands = await positions.read(connection, self._log.group, self._log.epoch)
        start = {(tp.topic, tp.partition): stands.get((tp.topic, tp.partition), 0) for tp in assigned}
        self._seek(start)
        await self._progress.reached(start)
        if start:
            self.assigned.set()

    async def _consume(self, records: Any) -> None:
        batch = self._batch(_by_partition(records))
        self._note_ends(batch)
        began = time.perf_counter()
        with spanning(
            f"process {TOPIC_PREFIX}*",
            kind=SpanKind.CONSUMER,
            links=_links(batch),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.consumer.group.name": self._log.group,
                "messaging.batch.message_count": len(records),
            },
        ):
            outcome = await self._until_stored(batch)
        if outcome is not None:
            _count(outcome, time.perf_counter() - began)
            await self._progress.reached(outcome.next_offsets)
            await self._commit(outcome.next_offsets)

    def _batch(self, records: dict[Partition, list[Any]]) -> Batch:
        batch = Batch(records, {p: self._fetched.get(p, found[0].offset) for p, found in records.items()})
        self._fetched |= {p: found[-1].offset + 1 for p, found in records.items()}
        return batch

    async def _until_stored(self, batch: Batch) -> Outcome | None:
        """The outcome once Postgres has the batch; None when it must be fetched again, from an earlier position."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    return await apply(connection, self._log, batch)
            except FetchedBeyondPosition as beyond:
                self._seek(beyond.next_offsets)
                return None
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
                _log.warning("intake: the batch was not stored and is tried again: %s", type(failed).__name__)
                await asyncio.sleep(_BACKOFF_S)

    def _seek(self, to: Mapping[Partition, int]) -> None:
        for (topic, partition), offset in to.items():
            self._fetched[topic, partition] = offset
            self._kafka.seek(TopicPartition(topic, partition), offset)

    def _note_ends(self, batch: Batch) -> None:
        # ListOffsets may be too small on an embedded broker; the fetch response's high watermark is not.
        for topic, partition in batch.records:
            end = self._kafka.highwater(TopicPartition(topic, partition))
            if end is not None:
                self._progress.seen((topic, partition), end)

    async def _commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tells the group where Postgres stands, for lag tools; nothing depends on it."""
        try:
            await self._kafka.commit(
                {TopicPartition(topic, p): OffsetAndMetadata(offset, "") for (topic, p), offset in offsets.items()}
            )
        except (CommitFailedError, IllegalStateError, KafkaError) as failed:
            _log.info("intake: advisory commit not taken: %s", type(failed).__name__)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: what was fetched is stored or fenced by the position."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._consumer.on_assigned(assigned)


def _by_partition(records: Iterable[Any]) -> dict[Partition, list[Any]]:
    found: defaultdict[Partition, list[Any]] = defaultdict(list)
    for record in records:
        found[record.topic, record.partition].append(record)
    return dict(found)


def _links(batch: Batch) -> list[Any]:
    contexts = (
        parse_traceparent(value.decode("ascii", "replace") if value else None)
        for records in batch.records.values()
        for record in records
        for name, value in record.headers
        if name == "ce_traceparent"
    )
    found = dict.fromkeys(context for context in contexts if context is not None)
    return [link_to(*context) for context in list(found)[:MAX_LINKS]]


def _count(outcome: Outcome, seconds: float) -> None:
    INTAKE_BATCH_DURATION.record(seconds)
    for state, n in (("accepted", outcome.accepted), ("evidence", outcome.evidence), ("duplicate", outcome.duplicates)):
        if n:
            INTAKE_RECORDS.add(n, {"pathline.outcome": state})
    for parked in outcome.parked:
        INTAKE_RECORDS.add(1, {"pathline.outcome": "parked", "pathline.reason": parked.reason})
