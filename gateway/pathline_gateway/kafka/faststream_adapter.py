"""FastStream, reduced to poll, seek and commit: its acknowledging, decoding and parsing are off.

FastStream decodes a batch as one, acknowledges before its handler runs, and rests for five seconds when a poll raises.
Intake reads each record by itself, keeps its positions in Postgres, and seeks before its first poll. No other module
imports FastStream.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pathline_gateway.kafka import client_config
from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.settings import Settings

_MAX_RECORDS: Final = 2_000
"""Records in one transaction: more gain little and hold the change-log lock longer."""
_POLL_MS: Final = 20
"""An empty poll sleeps as long again, so twice this is the most that an idle intake adds."""
_METADATA_MS: Final = 2_000
"""A new organisation's topic is found within this."""
_MAX_POLL_INTERVAL_MS: Final = 3_600_000
"""Longest that storing one batch may take before the group gives our partitions away. While Postgres is down, we wait
for it, and so would everybody else."""
_SASL: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class PollHandler(Protocol):
    """Is told what the consumer polls and is assigned. The next poll waits until it has returned."""

    async def on_records(self, records: Sequence[Any]) -> None:
        """One poll: aiokafka's records, of all partitions."""

    async def on_assigned(self, partitions: Sequence[Partition]) -> None:
        """The group has given these to this process; each is to be sought before it is polled."""

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """The group has taken these away."""


class PollingConsumer:
    """A consumer of all topics of a pattern, in a group. Before `start`, and after `stop`, it has no partitions."""

    def __init__(self, settings: Settings, topics: re.Pattern[str], handler: PollHandler) -> None:
        self._broker = KafkaBroker(
            settings.kafka.split(","),  # FastStream takes a text with commas for one address
            security=security(settings),
            allow_auto_create_topics=False,
            metadata_max_age_ms=_METADATA_MS,
            logger=None,
            graceful_timeout=5,
        )
        self._subscriber = self._broker.subscriber(
            pattern=topics.pattern,
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
            codec=_RawCodec(),
            listener=_RebalanceListener(handler),
        )
        self._handler = handler
        self._subscriber(self._consume)
        self._original_get_msg = self._subscriber.get_msg
        self._subscriber.get_msg = self._get_msg  # type: ignore[method-assign]

    async def start(self) -> None:
        """Polling begins."""
        await self._broker.start()

    async def stop(self) -> None:
        """Polling ends, and the group is left."""
        await self._broker.stop()

    def assignment(self) -> set[Partition]:
        """The partitions that the group has given to this process."""
        consumer = self._subscriber.consumer
        return set() if consumer is None else {(tp.topic, tp.partition) for tp in consumer.assignment()}

    def seek(self, partition: Partition, offset: int) -> bool:
        """Whether the next poll of this partition begins there; not where it was given to somebody else."""
        try:
            self._kafka.seek(TopicPartition(*partition), offset)
        except IllegalStateError:
            return False
        return True

    async def position(self, partition: Partition) -> int | None:
        """The offset that the next poll begins with; None where that is not known."""
        try:
            return int(await self._kafka.position(TopicPartition(*partition)))
        except KafkaError:
            return None

    async def commit(self, next_offsets: Mapping[Partition, int]) -> KafkaError | None:
        """Why the group does not take these offsets; None where it does."""
        try:
            await self._kafka.commit({TopicPartition(*p): OffsetAndMetadata(n, "") for p, n in next_offsets.items()})
        except KafkaError as error:
            return error
        return None

    def end_offset(self, partition: Partition) -> int | None:
        """Where the records end that may be read now, as the last answer of the broker says."""
        # ListOffsets may be too small on an embedded broker; the fetch response's high watermark is not.
        tp = TopicPartition(*partition)
        if tp not in self._kafka.assignment():  # it was revoked meanwhile
            return None
        end, stable = self._kafka.highwater(tp), self._kafka.last_stable_offset(tp)
        if end is None:
            return None
        # What stands in an open transaction is not there to be read yet.
        return int(end if stable is None or stable < 0 else min(end, stable))

    @property
    def _kafka(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise IllegalStateError("the consumer is not started")
        return consumer

    async def _consume(self, records: Any) -> None:  # FastStream would convert what has a narrower type
        await self._handler.on_records(records)

    async def _get_msg(self, consumer: AIOKafkaConsumer) -> Any:
        """One poll. A partition that is given to us for the first time has no position until we seek, a moment later.

        FastStream would take that for a failure, and let everybody wait five seconds.
        """
        try:
            return await self._original_get_msg(consumer)
        except NoOffsetForPartitionError:
            await asyncio.sleep(_POLL_MS / 1000)
            return ()


def security(settings: Settings) -> BaseSecurity | None:
    """FastStream's description of how to sign in; None where nobody needs to. Raises KafkaSettingsUnusable."""
    options = client_config.options(settings)
    if "security_protocol" not in options:
        return None
    context = options["ssl_context"]
    if "sasl_mechanism" not in options:
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    sasl_class = _SASL[options["sasl_mechanism"]]
    credentials = (options["sasl_plain_username"], options["sasl_plain_password"])
    return sasl_class(*credentials, ssl_context=context, use_ssl=context is not None)


class _RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, handler: PollHandler) -> None:
        self._handler = handler

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._handler.on_revoked([(tp.topic, tp.partition) for tp in revoked])

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._handler.on_assigned([(tp.topic, tp.partition) for tp in assigned])


class _RawCodec:
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
