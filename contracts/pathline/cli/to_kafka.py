"""Delivery to the organisation's own Kafka topic (`pathline[kafka]`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pathline.cli.errors import Unreachable, WrongMapping
from pathline.cli.receipt import Later, Receipt, Receiver
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.producer import Producer, topic_of, traced


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """The topics of the events' own organisations, through one producer."""

    producer: Producer
    failures: tuple[type[Exception], ...] = ()
    """What the producer raises when trying again may help."""

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """The broker has every event; whether the gateway refuses one is seen only there, among the parked."""
        try:
            async with asyncio.TaskGroup() as group:
                for event in events:
                    group.create_task(self._send(event))
        except* self.failures as failed:
            raise Later(f"the broker did not take a batch ({type(failed.exceptions[0]).__name__})") from None
        return Receipt(accepted=len(events))

    async def _send(self, event: CloudEvent) -> None:
        headers, value = kafka.encode(traced(event))
        key = str(event.attributes["subject"]).encode()
        await self.producer.send(topic_of(str(event.attributes["source"])), key=key, value=value, headers=headers)


@asynccontextmanager
async def kafka_topic(to: str) -> AsyncIterator[Receiver]:
    """A producer for `kafka://host:port[,host:port]`, connected."""
    try:
        from aiokafka.errors import KafkaError

        from pathline.kafka import KafkaProducer
    except ModuleNotFoundError:
        raise WrongMapping("--to kafka://…: install pathline[kafka]") from None
    servers = to.removeprefix("kafka://").rstrip("/")
    producer = KafkaProducer(servers)
    try:
        await producer.__aenter__()
    except (KafkaError, OSError) as wrong:
        raise Unreachable(f"the broker at {servers} does not answer ({type(wrong).__name__})") from None
    try:
        yield KafkaTopic(producer, (KafkaError, OSError, TimeoutError))
    finally:
        await producer.__aexit__()
