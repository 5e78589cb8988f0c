"""A topic as an organisation with Kafka has it, filled with events before anybody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.events import ORG, Sent
from pathline.producer import TOPIC_PREFIX

PARTITIONS = 4
OWN_TOPIC = f"{TOPIC_PREFIX}{ORG}"
_IN_FLIGHT = 5_000


@asynccontextmanager
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer as the facts about aiokafka advise it."""
    made = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=5, max_batch_size=262_144)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def topic(kafka: str, name: str, partitions: int = PARTITIONS) -> AsyncIterator[str]:
    """The topic is there until the block ends. Raises TopicAlreadyExistsError: another run's records would count."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
        yield name
    finally:
        await admin.delete_topics([name])
        await admin.close()


async def fill(kafka: str, name: str, events: Iterable[Sent]) -> int:
    """All these records are in the topic; how many they were."""
    waiting: list[asyncio.Future[object]] = []
    n = 0
    async with producer(kafka) as out:
        for sent in events:
            waiting.append(await out.send(name, sent.value, key=sent.key, headers=sent.headers))
            n += 1
            if len(waiting) == _IN_FLIGHT:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    return n
