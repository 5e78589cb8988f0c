"""Delivery to the organisation's own Kafka topic (`pathline[kafka]`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pathline.cli.errors import AccessDenied, Unreachable, WrongMapping
from pathline.cli.receipt import Receipt, Receiver, TryLater
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.producer import Producer, topic_of, traced


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """The topics of the events' own organisations, through one producer."""

    producer: Producer
    passing: tuple[type[Exception], ...] = ()
    """What the producer raises when trying again may help."""
    final: tuple[type[Exception], ...] = ()
    """What it raises when that cannot help; an error of both kinds is final."""

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """The broker has every event; whether the gateway refuses one is seen only there, among the parked."""
        ended = await asyncio.gather(*map(self._send, events), return_exceptions=True)
        for failed in filter(None, ended):
            said = f"the broker does not take a batch ({type(failed).__name__})"
            if isinstance(failed, self.final):
                raise AccessDenied(f"{said}; ask its operator whether you may write to your topic") from None
            if isinstance(failed, self.passing):
                raise TryLater(said) from None
            raise failed
        return Receipt(accepted=len(events))

    async def _send(self, event: CloudEvent) -> None:
        headers, value = kafka.encode(traced(event))
        key = str(event.attributes["subject"]).encode()
        await self.producer.send(topic_of(str(event.attributes["source"])), key=key, value=value, headers=headers)


@asynccontextmanager
async def kafka_topic(servers: str) -> AsyncIterator[Receiver]:
    """A producer for `host:port[,host:port]`, connected."""
    try:
        from aiokafka.errors import (
            ClusterAuthorizationFailedError,
            InvalidTopicError,
            KafkaError,
            MessageSizeTooLargeError,
            TopicAuthorizationFailedError,
        )

        from pathline.kafka import KafkaProducer
    except ModuleNotFoundError:
        raise WrongMapping("--to kafka://…: install pathline[kafka]") from None
    # What the client logs on its way is said once, at the end, in the line that the command ends with.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    producer = KafkaProducer(servers)
    try:
        await producer.__aenter__()
    except (KafkaError, OSError) as wrong:
        raise Unreachable(f"the broker at {servers} does not answer ({type(wrong).__name__})") from None
    try:
        refusals = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError, InvalidTopicError)
        yield KafkaTopic(producer, (KafkaError, OSError, TimeoutError), (*refusals, MessageSizeTooLargeError))
    finally:
        await producer.__aexit__()
