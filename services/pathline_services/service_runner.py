"""The reference services at work: all of them on one event loop, which is enough for a demonstration."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pathline import Producer
from pathline.kafka import KafkaProducer
from pathline_services import topics
from pathline_services.reference import SERVICES

NO_LINGER_MS = 0
"""Milliseconds that a record waits for company: a service that publishes one by one must not wait at all."""


@dataclass
class EventCounts:
    """A producer that counts what it has sent."""

    inner: Producer
    sent: int = 0

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        await self.inner.send(topic, key=key, value=value, headers=headers)
        self.sent += 1


@asynccontextmanager
async def run_services(kafka: str, only: Iterable[str] = ()) -> AsyncIterator[EventCounts]:
    """The services work inside; what they were doing is finished before they stop."""
    orgs = list(only) or list(SERVICES)
    await topics.ensure_topics(kafka, orgs)
    async with KafkaProducer(kafka, linger_ms=NO_LINGER_MS) as producer:
        counted_producer = EventCounts(producer)
        apps = [SERVICES[org].app(kafka, counted_producer) for org in orgs]
        try:
            await asyncio.gather(*(app.start() for app in apps))
            yield counted_producer
        finally:
            await asyncio.gather(*(app.stop() for app in apps))


def install_stop_signal() -> asyncio.Event:
    """Set at the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop
