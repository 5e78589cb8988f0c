"""A topic of one's own at any broker: make it, fill it, read it back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from support.brokers.mock_cluster import MockCluster

_names = itertools.count(1)

READ_WITHIN: Final = 15.0
"""Seconds; what was acknowledged is there at once, and machines are busy."""


@dataclass(frozen=True)
class Sent:
    """A record as a client gave it to the broker."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 1_764_000_000_000
    partition: int = 0


@dataclass
class Topics:
    """One broker, however it was started."""

    name: str
    host: Any
    session_timeout_ms: int = 6_000

    def client(self) -> dict[str, Any]:
        """aiokafka's keyword arguments."""
        options: dict[str, Any] = self.host.client()
        return options

    async def topic(self, partitions: int = 1, name: str | None = None) -> str:
        """A new topic, and every node knows it."""
        name = name or f"conformance.{self.name}.{next(_names)}"
        if isinstance(self.host, MockCluster):
            self.host.make(name, partitions)
        else:
            await self.make(name, partitions)
        async with asyncio.timeout(READ_WITHIN):
            while len(await self.partitions(name)) != partitions:
                await asyncio.sleep(0.02)
        return name

    async def make(self, topic: str, partitions: int) -> None:
        """The broker has taken the request for a topic. Raises KafkaError."""
        async with self.administrator() as admin:
            answer = await admin.create_topics([NewTopic(topic, partitions, 1)])
            for _, code, *_ in answer.topic_errors:
                if code:
                    raise for_code(code)

    async def partitions(self, topic: str) -> list[int]:
        """Those that have a leader."""
        async with self.administrator() as admin:
            (described,) = await admin.describe_topics([topic])
        return sorted(each["partition"] for each in described["partitions"] if each["leader"] >= 0)

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """An admin client."""
        admin = AIOKafkaAdminClient(**self.client())
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def producer(self, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
        """A producer as Pathline makes it, less what `options` change."""
        settings = {"acks": "all", "enable_idempotence": False, "linger_ms": 5, **options}
        producer = AIOKafkaProducer(**self.client(), **settings)
        try:
            await producer.start()
            yield producer
        finally:
            await producer.stop()

    @asynccontextmanager
    async def consumer(self, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer as Pathline makes it: it commits nothing by itself, and is given no partition."""
        pace = {"fetch_max_wait_ms": 50, "metadata_max_age_ms": 2_000, "heartbeat_interval_ms": 300}
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **pace, **options}
        consumer = AIOKafkaConsumer(**self.client(), session_timeout_ms=self.session_timeout_ms, **settings)
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def reader(self, topic: str, partitions: Iterable[int] = (0,)) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer without a group, at the start of these partitions."""
        async with self.consumer() as consumer:
            consumer.assign([TopicPartition(topic, partition) for partition in partitions])
            yield consumer

    async def send(self, topic: str, records: Iterable[Sent], **options: Any) -> None:
        """The broker has acknowledged all of them, sent in this order."""
        async with self.producer(**options) as producer:
            waiting = [
                await producer.send(
                    topic,
                    each.value,
                    key=each.key,
                    partition=each.partition,
                    timestamp_ms=each.timestamp,
                    headers=list(each.headers),
                )
                for each in records
            ]
            await asyncio.gather(*waiting)

    async def read(self, topic: str, count: int, partitions: Iterable[int] = (0,)) -> list[Any]:
        """That many records of the topic, from its start."""
        async with self.reader(topic, partitions) as consumer:
            return await taken(consumer, count)


async def taken(consumer: AIOKafkaConsumer, count: int, within: float = READ_WITHIN) -> list[Any]:
    """The next records, at least so many. TimeoutError when they do not come."""
    found: list[Any] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            batches = await consumer.getmany(timeout_ms=100)
            found += [record for records in batches.values() for record in records]
    return found


def as_sent(record: Any) -> Sent:
    """A consumed record, as it was given."""
    return Sent(record.value, record.key, tuple(record.headers), record.timestamp, record.partition)


def numbered(count: int, partition: int = 0) -> list[Sent]:
    """Records that tell their order."""
    return [Sent(b"%d" % n, partition=partition) for n in range(count)]
