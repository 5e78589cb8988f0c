"""Kafka into the pipeline: FastStream polls batches, from where Postgres stands and not from what the group says."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from pathline.producer import TOPIC_PREFIX
from pathline_gateway.intake.batch_transaction import FetchedBeyondPosition
from pathline_gateway.intake.pipeline import Pipeline
from pathline_gateway.kafka import client_config
from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.offset_repository import Epochs, Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.kafka.start_positions import StartPositionResolver
from pathline_gateway.settings import Settings

_log = logging.getLogger(__name__)

TOPICS = re.compile("^" + re.escape(TOPIC_PREFIX) + r"[a-z0-9-]+$", re.ASCII)
"""The topics that intake consumes."""
_MAX_RECORDS = 2_000
"""Records in one transaction: more gain little and hold the change-log lock longer."""
_POLL_MS = 20
"""An empty poll sleeps as long again, so twice this is the most that an idle intake adds."""
_METADATA_MS = 2_000
"""A new organisation's topic is found within this."""
_MAX_POLL_INTERVAL_MS = 3_600_000
"""Longest that storing one batch may take before the group gives our partitions away: while Postgres is down, we wait
for it, and so would everybody else."""


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
    """Consumes every `pathline.in.*` topic that the group gives to this process."""

    def __init__(
        self, settings: Settings, start_positions: StartPositionResolver, pipeline: Pipeline, progress: Progress
    ) -> None:
        self._start_positions, self._pipeline, self._progress = start_positions, pipeline, progress
        self._fetch_positions: dict[Partition, int] = {}
        self._seek_count = 0
        self._epochs: Epochs | None = None
        self._pending_commits: dict[Partition, int] = {}
        self.assigned = asyncio.Event()
        """Set once the group has given this process its partitions, and they are read from where Postgres stands."""
        self._broker = KafkaBroker(
            settings.kafka.split(","),  # FastStream takes a text with commas for one address
            security=client_config.security(settings),
            allow_auto_create_topics=False,
            metadata_max_age_ms=_METADATA_MS,
            logger=None,
            graceful_timeout=5,
        )
        self._subscriber = self._broker.subscriber(
            pattern=TOPICS.pattern,
            group_id=settings.group,
            batch=True,
            max_records=_MAX_RECORDS,
            batch_timeout_ms=_POLL_MS,
            fetch_max_wait_ms=_POLL_MS,
            fetch_max_bytes=bounds.MAX_FETCH_BYTES,
            max_partition_fetch_bytes=bounds.MAX_PARTITION_FETCH_BYTES,
            # A position that the log does not have is judged, not silently moved to its start.
            auto_offset_reset="none",
            # What a producer took back was never published.
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 6,
            max_poll_interval_ms=_MAX_POLL_INTERVAL_MS,
            parser=_raw_parser,
            codec=_Raw(),
            listener=_Listener(self),
        )
        self._subscriber(self._consume)
        self._original_get_msg = self._subscriber.get_msg
        self._subscriber.get_msg = self._get_msg  # type: ignore[method-assign]

    @property
    def _kafka(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise IllegalStateError("the consumer is not started")
        return consumer

    async def start(self) -> None:
        """Consuming begins."""
        await self._broker.start()

    async def stop(self) -> None:
        """Consuming ends; what was stored is told to the group."""
        await self.commit()
        await self._broker.stop()

    def partitions(self) -> set[Partition]:
        """What the group has given to this process."""
        with suppress(IllegalStateError):
            return {(tp.topic, tp.partition) for tp in self._kafka.assignment()}
        return set()

    async def reposition(self) -> None:
        """Each partition is read from where Postgres stands, in whatever log there is now."""
        await self.on_assigned([TopicPartition(*p) for p in self.partitions()])

    async def on_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Each partition is read from where Postgres stands; the group's own commits are for lag tools only."""
        partitions = [(tp.topic, tp.partition) for tp in assigned]
        self.on_revoked(partitions)
        self._epochs, start = await self._start_positions.resolve(partitions)
        self._pipeline.drop()
        self._seek(start)
        await self._progress.reset(start)
        self.assigned.set()

    def on_revoked(self, revoked: Iterable[Partition]) -> None:
        """Nothing is known of how far these were fetched. What was fetched is stored, or fenced by the position."""
        for partition in revoked:
            self._fetch_positions.pop(partition, None)

    def refetch(self, error: FetchedBeyondPosition) -> None:
        """These partitions are read again from where Postgres stands."""
        _log.warning("intake: records were fetched from beyond the position, and are fetched again")
        self._seek({p: offset for p, offset in error.next_offsets.items() if p in self.partitions()})

    def note_stored(self, next_offsets: Mapping[Partition, int]) -> None:
        """The group will be told that Postgres stands here."""
        self._pending_commits |= next_offsets

    async def idle_positions(self) -> dict[Partition, int]:
        """How far the consumer has come in partitions of which everything that it found is stored.

        That is beyond the last record where the end of a transaction stands, which is no record.
        """
        applied_offsets = self._progress.applied_offsets
        idle_partitions = [
            p for p in self.partitions() if p in applied_offsets and self._fetch_positions.get(p) == applied_offsets[p]
        ]
        with suppress(IllegalStateError, KafkaError):
            return {p: await self._kafka.position(TopicPartition(*p)) for p in idle_partitions}
        return {}

    async def commit(self) -> None:
        """The group knows where Postgres stands, unless it does not want to; nothing depends on it."""
        assigned_partitions = self.partitions()
        offsets = {
            TopicPartition(*p): OffsetAndMetadata(n, "")
            for p, n in self._pending_commits.items()
            if p in assigned_partitions
        }
        self._pending_commits.clear()
        if offsets:
            try:
                await self._kafka.commit(offsets)
            except (IllegalStateError, KafkaError) as error:
                _log.info("intake: advisory commit not taken: %s", type(error).__name__)

    async def _get_msg(self, consumer: AIOKafkaConsumer) -> Any:
        """One poll. A partition that is given to us for the first time has no position until we seek, a moment later.

        FastStream would take that for a failure, and let everybody wait five seconds.
        """
        try:
            return await self._original_get_msg(consumer)
        except NoOffsetForPartitionError:
            await asyncio.sleep(_POLL_MS / 1000)
            return ()

    async def _consume(self, records: Any) -> None:
        current_records = await self._drop_stale(_group_by_partition(records))
        if not current_records or self._epochs is None:
            return
        fetched_from = {p: self._fetch_positions.get(p, rs[0].offset) for p, rs in current_records.items()}
        self._fetch_positions |= {p: rs[-1].offset + 1 for p, rs in current_records.items()}
        self._note_ends(current_records)
        await self._pipeline.enqueue(
            current_records, fetched_from, {p: self._epochs.for_topic(p[0]) for p in current_records}
        )

    async def _drop_stale(self, polled_records: Mapping[Partition, list[Any]]) -> dict[Partition, list[Any]]:
        """Those that the consumer stands after, all at once: none was sent back while others were asked about."""
        while True:
            seek_count = self._seek_count
            current_records = {p: rs for p, rs in polled_records.items() if await self._is_current(p, rs[-1].offset)}
            if seek_count == self._seek_count:
                return current_records

    async def _is_current(self, partition: Partition, last: int) -> bool:
        """Whether the consumer still stands after this record; it does not when it was sent back since the poll."""
        try:
            return bool(await self._kafka.position(TopicPartition(*partition)) > last)
        except (IllegalStateError, KafkaError):
            return False

    def _seek(self, positions: Mapping[Partition, int]) -> None:
        self._seek_count += 1
        for partition, offset in positions.items():
            with suppress(IllegalStateError):  # it was given to somebody else meanwhile
                self._kafka.seek(TopicPartition(*partition), offset)
                self._fetch_positions[partition] = offset

    def _note_ends(self, partitions: Iterable[Partition]) -> None:
        # ListOffsets may be too small on an embedded broker; the fetch response's high watermark is not.
        for partition in partitions:
            tp = TopicPartition(*partition)
            end, stable = self._kafka.highwater(tp), self._kafka.last_stable_offset(tp)
            if end is not None:  # what stands in an open transaction is not there to be read yet
                self._progress.observe_end(partition, end if stable is None or stable < 0 else min(end, stable))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._consumer.on_revoked((tp.topic, tp.partition) for tp in revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._consumer.on_assigned(assigned)


def _group_by_partition(records: Iterable[Any]) -> dict[Partition, list[Any]]:
    groups: defaultdict[Partition, list[Any]] = defaultdict(list)
    for record in records:
        groups[record.topic, record.partition].append(record)
    return dict(groups)
