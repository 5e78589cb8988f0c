"""Writes the records of one series: in transactions together with the position, or at least once.

With transactions, whoever opens a series fences everybody who wrote it before: a process that was stopped and wakes
writes nothing more. The position is a group's offset that is committed in the transaction of the records. So after a
crash it tells exactly what readers see.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import OffsetAndMetadata

from pathline_gateway.streams.kafka.client_lifetime import start_client, stop_client
from pathline_gateway.streams.kafka.out_broker import REQUEST_TIMEOUT_MS, OutBroker
from pathline_gateway.streams.kafka.record import BATCH_OVERHEAD, OutRecord
from pathline_gateway.streams.kafka.topic_names import position_group, transactional_id
from pathline_gateway.streams.kafka.write_range import BrokerPosition
from pathline_gateway.time_slice import TimeSlice

_TRANSACTION_TIMEOUT_MS: Final = 30_000
"""How long readers may wait for a transaction that nobody ends: its process is frozen, and nobody took its place."""
_WRITE_TIMEOUT_S: Final = 20.0
_RETRY_S: Final = 0.1
_BATCH_BYTES: Final = 512 * 1024
"""Records that travel together; a larger one travels alone."""
_PARTITION_OF: Final = DefaultPartitioner()


class TopicProducer:
    """The one writer of a series, until somebody else opens it."""

    def __init__(self, topic: str, series: UUID, client: AIOKafkaProducer, *, transactional: bool) -> None:
        self._topic, self._series, self._client, self._transactional = topic, series, client, transactional
        self.position: BrokerPosition | None = None
        """Where the last transaction ended; None where the broker keeps no position."""

    async def write(self, records: Sequence[OutRecord], position: BrokerPosition) -> None:
        """Readers have these records, and the broker has this position: both or neither, in a transaction.

        Raises KafkaError. Whoever opens the series next learns whether they were written.
        """
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                if self._transactional:
                    await self._write_transaction(records, position)
                else:
                    await self._send(records)
        except TimeoutError:
            raise KafkaTimeoutError from None

    async def close(self) -> None:
        """Nothing is written any more. An open transaction is aborted by whoever opens the series next, or in time."""
        await stop_client(self._client.stop)

    async def _write_transaction(self, records: Sequence[OutRecord], position: BrokerPosition) -> None:
        await self._client.begin_transaction()
        await self._send(records)
        offsets = {TopicPartition(self._topic, 0): OffsetAndMetadata(*position)}
        await self._client.send_offsets_to_transaction(offsets, position_group(self._series))
        await self._client.commit_transaction()

    async def _send(self, records: Sequence[OutRecord]) -> None:
        partitions = tuple(sorted(await self._client.partitions_for(self._topic)))
        by_partition: defaultdict[int, list[OutRecord]] = defaultdict(list)
        for record in records:
            by_partition[_partition(record, partitions)].append(record)
        await asyncio.gather(*(self._send_to(partition, some) for partition, some in by_partition.items()))

    async def _send_to(self, partition: int, records: Sequence[OutRecord]) -> None:
        """In order: a batch leaves once the one before it was taken."""
        acknowledged: list[asyncio.Future[Any]] = []
        slice, batch = TimeSlice(), self._client.create_batch()
        for record in records:
            if batch.record_count() and batch.size() + record.size + BATCH_OVERHEAD > _BATCH_BYTES:
                acknowledged.append(await self._client.send_batch(batch, self._topic, partition=partition))
                batch = self._client.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
            if slice.is_spent:
                await slice.renew()
        acknowledged.append(await self._client.send_batch(batch, self._topic, partition=partition))
        await asyncio.gather(*acknowledged)


async def open_producer(broker: OutBroker, topic: str, series: UUID, max_message_bytes: int) -> TopicProducer:
    """The writer of this series: nobody else writes it any more, where the broker has transactions. Raises KafkaError.

    What anybody wrote before is either there or never will be.
    """
    transactional = await broker.has_transactions()
    identity = (
        {"transactional_id": transactional_id(series), "transaction_timeout_ms": _TRANSACTION_TIMEOUT_MS}
        if transactional
        else {"enable_idempotence": (await broker.capabilities()).idempotent_producers}
    )
    client = AIOKafkaProducer(
        **broker.options,
        **identity,
        acks="all",
        linger_ms=0,
        compression_type="lz4",
        max_batch_size=max(max_message_bytes, _BATCH_BYTES),
        max_request_size=max(max_message_bytes, _BATCH_BYTES) + 65_536,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    producer = TopicProducer(topic, series, client, transactional=transactional)
    try:
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            await start_client(client, client.stop)
            if transactional:
                try:
                    producer.position = await _committed_position(broker, topic, series)
                except BaseException:
                    await producer.close()
                    raise
    except TimeoutError:
        raise KafkaTimeoutError from None
    return producer


async def _committed_position(broker: OutBroker, topic: str, series: UUID) -> BrokerPosition | None:
    """To be asked once the producer has started: no transaction of an earlier one is open then."""
    at = TopicPartition(topic, 0)
    async with broker.admin() as admin:
        offset: OffsetAndMetadata | None = None
        while offset is None:
            # The first of all groups waits until their own topic is made; of one that is being loaded there is no word.
            try:
                offsets = await admin.list_consumer_group_offsets(position_group(series), partitions=[at])
                offset = offsets.get(at)
            except KafkaError as error:
                if not error.retriable:
                    raise
            if offset is None:
                await asyncio.sleep(_RETRY_S)
    return None if offset.offset < 0 else BrokerPosition(offset.offset, offset.metadata)


def _partition(record: OutRecord, partitions: tuple[int, ...]) -> int:
    # What has no key has no order, but goes the same way when it is written again.
    return (
        partitions[record.number % len(partitions)] if record.key is None else _partition_of_key(record.key, partitions)
    )


@lru_cache(maxsize=65_536)
def _partition_of_key(key: bytes, partitions: tuple[int, ...]) -> int:
    """As every Kafka client partitions by default. Kept: the hash of a key takes as long as the rest of a record."""
    return int(_PARTITION_OF(key, list(partitions), list(partitions)))
