"""Delivery to the organisation's own Kafka topic (`pathline[kafka]`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pathline.cli.errors import AccessDenied, Unreachable, WrongMapping
from pathline.cli.receipt import Destination, Receipt, TryLater
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.producer import Producer, topic_of, with_trace_context


@dataclass(frozen=True, slots=True)
class KafkaDestination:
    """The topics of the events' own organisations, through one producer."""

    producer: Producer
    retryable_errors: tuple[type[Exception], ...] = ()
    """What the producer raises when trying again may help."""
    final_errors: tuple[type[Exception], ...] = ()
    """What it raises when that cannot help; an error of both kinds is final."""

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """The broker has every event; whether the gateway refuses one is seen only there, among the parked."""
        results = await asyncio.gather(*map(self._send, events), return_exceptions=True)
        for failure in filter(None, results):
            message = f"the broker does not take a batch ({type(failure).__name__})"
            if isinstance(failure, self.final_errors):
                raise AccessDenied(f"{message}; ask its operator whether you may write to your topic") from None
            if isinstance(failure, self.retryable_errors):
                raise TryLater(message) from None
            raise failure
        return Receipt(accepted=len(events))

    async def _send(self, event: CloudEvent) -> None:
        headers, value = kafka.encode(with_trace_context(event))
        key = str(event.attributes["subject"]).encode()
        await self.producer.send(topic_of(str(event.attributes["source"])), key=key, value=value, headers=headers)


@asynccontextmanager
async def open_kafka_destination(servers: str) -> AsyncIterator[Destination]:
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
    except (KafkaError, OSError) as error:
        raise Unreachable(f"the broker at {servers} does not answer ({type(error).__name__})") from None
    try:
        authorization_errors = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError, InvalidTopicError)
        yield KafkaDestination(
            producer, (KafkaError, OSError, TimeoutError), (*authorization_errors, MessageSizeTooLargeError)
        )
    finally:
        await producer.__aexit__()
