"""Organisations that publish at a steady rate, whatever happens, and remember what the broker acknowledged."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pathline import Pseudonyms, interaction
from pathline.codec import kafka
from pathline.vocabulary import ContactMade, InteractionVoided, Payload

ORGS = tuple(f"agency-{n}" for n in range(1, 5))
START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = 400
TICK_S = 0.02

Identity = tuple[str, str]
Order = tuple[datetime, str, bool, str, str]


@dataclass
class History:
    """What was sent, and what of it was acknowledged; what was not acknowledged may or may not be in the log."""

    steps: dict[Identity, tuple[str, str, Order]] = field(default_factory=dict)
    """Organisation, subject and place in order, of every step that was ever sent."""
    voids: dict[Identity, Identity] = field(default_factory=dict)
    acknowledged: set[Identity] = field(default_factory=set)
    bad: set[tuple[str, int, int]] = field(default_factory=set)
    """Topic, partition and offset of every record that is no event."""
    sent: int = 0
    acks: int = 0
    unsure: int = 0
    unsure_bad: int = 0


class Publisher:
    """Publishes so many records, so many a second, on a thread of its own."""

    def __init__(self, bootstrap: str, count: int, rate: float, seed: int) -> None:
        self._bootstrap, self._count, self._rate, self._random = bootstrap, count, rate, Random(seed)
        self.history = History()
        self._subjects = {
            org: [Pseudonyms(org, b"a key of a test, 32 bytes long!!").subject(str(n)) for n in range(PEOPLE)]
            for org in ORGS
        }
        self._recent: list[tuple[Identity | None, str, str, Any, bytes | None]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._publish()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(60)

    @property
    def done(self) -> bool:
        """Whether everything was sent, and answered."""
        return not self._thread.is_alive()

    async def _publish(self) -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=256 * 1024,
            request_timeout_ms=30_000,
        ) as producer:
            waiting: set[asyncio.Task[None]] = set()
            began = time.monotonic()
            while self.history.sent < self._count and not self._stop.is_set():
                due = min(self._count, int((time.monotonic() - began) * self._rate)) - self.history.sent
                for _ in range(min(due, 500)):
                    task = asyncio.create_task(self._one(producer))
                    waiting.add(task)
                    task.add_done_callback(waiting.discard)
                await asyncio.sleep(TICK_S)
            await asyncio.gather(*waiting)

    async def _one(self, producer: AIOKafkaProducer) -> None:
        identity, org, key, headers, value = self._next()
        self.history.sent += 1
        try:
            future = await producer.send(f"pathline.in.{org}", value, key=key.encode(), headers=headers)
            meta = await future
        except KafkaError:
            self.history.unsure += 1
            self.history.unsure_bad += identity is None
            return
        self.history.acks += 1
        if identity is None:
            self.history.bad.add((meta.topic, meta.partition, meta.offset))
        else:
            self.history.acknowledged.add(identity)

    def _next(self) -> tuple[Identity | None, str, str, Any, bytes | None]:
        kind = self._random.random()
        if kind < 0.03 and self._recent:
            return self._random.choice(self._recent)
        made = self._bad() if kind < 0.04 else self._void() if kind < 0.05 and self._recent else self._step()
        if made[0] is not None:
            self._recent = [*self._recent[-200:], made]
        return made

    def _bad(self) -> tuple[None, str, str, Any, bytes]:
        org = self._random.choice(ORGS)
        return None, org, self._subjects[org][0], [], self._random.randbytes(30)

    def _step(self) -> tuple[Identity, str, str, Any, bytes | None]:
        org = self._random.choice(ORGS)
        subject = self._random.choice(self._subjects[org])
        at = START + timedelta(minutes=self._random.randrange(50_000))
        sequence = self._random.choice((None, f"{self._random.randrange(100):03}"))
        identity, headers, value = self._made(ContactMade(kind="enquiry"), org, subject, at, sequence)
        self.history.steps[identity] = (
            org,
            subject,
            (at, identity[0], sequence is not None, sequence or "", identity[1]),
        )
        return identity, org, subject, headers, value

    def _void(self) -> tuple[Identity, str, str, Any, bytes | None]:
        target, org, subject, *_ = self._random.choice(self._recent)
        assert target is not None
        payload = InteractionVoided(source=target[0], id=target[1], reason="other")
        identity, headers, value = self._made(payload, org, subject, START, None)
        self.history.voids[identity] = target
        return identity, org, subject, headers, value

    def _made(
        self, payload: Payload, org: str, subject: str, at: datetime, sequence: str | None
    ) -> tuple[Identity, Any, bytes | None]:
        source, id = f"urn:pathline:{org}:desk", str(self.history.sent)
        event = interaction(payload, source=source, id=id, subject=subject, time=at, sequence=sequence).event
        headers, value = kafka.encode(event)
        return (source, id), headers, value
