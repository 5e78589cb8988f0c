"""Histories as intake gets them: records in batches, of one partition, applied by the real thing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from pathline.codec import kafka
from pathline.interaction import interaction
from pathline.vocabulary import (
    ActivityRecorded,
    HandoffAccepted,
    HandoffOffered,
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    InteractionCorrected,
    InteractionVoided,
    Payload,
)
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
TOPIC = "pathline.in.door-0"
GROUP = "tests"
TOKEN = "a-token-of-22-characters"
TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def subject(n: int) -> str:
    """The pseudonym of somebody."""
    return f"v1.{n:021d}A"


def source(org: str) -> str:
    """The one system of this organisation."""
    return f"urn:pathline:{org}:desk"


def ref(org: str, n: int) -> dict[str, str]:
    """Somebody as this organisation knows her, in evidence."""
    return {"org": org, "subject": subject(n)}


@dataclass(frozen=True)
class Event:
    """A record to be."""

    org: str
    id: str
    subject: str
    payload: Payload
    minute: int = 0
    extensions: dict[str, Any] = field(default_factory=dict)


def step(org: str, id: str, n: int = 0, minute: int = 0, text: str = "Opened", **extensions: Any) -> Event:
    """A step of somebody."""
    payload = ActivityRecorded(activity=text, service="casework", channel="web", initiator="citizen", actor="staff")
    return Event(org, id, subject(n), payload, minute, extensions)


def voided(org: str, id: str, target: str, minute: int = 0) -> Event:
    """A void of the organisation's own interaction."""
    payload = InteractionVoided(source=source(org), id=target, reason="entered-in-error")
    return Event(org, id, subject(0), payload, minute)


def corrected(org: str, id: str, target: str, text: str, minute: int = 0) -> Event:
    """A correction of the organisation's own interaction; with no text, one that breaks the contract."""
    data = {"activity": text, "service": "reception"} if text else {"service": "reception"}
    at = START + timedelta(minutes=minute, microseconds=7)
    replacement = {"time": at.isoformat(), "data": data}
    payload = InteractionCorrected.model_validate(
        {"source": source(org), "id": target, "reason": "wrong-content", "replacement": replacement}
    )
    return Event(org, id, subject(0), payload, minute)


def linked(id: str, a: dict[str, str], b: dict[str, str], confidence: float = 1.0, minute: int = 0) -> Event:
    """A link."""
    payload = IdentityLinked.model_validate({"same": [a, b], "method": "record-key", "confidence": confidence})
    return Event("registry", id, a["subject"], payload, minute)


def distinguished(id: str, a: dict[str, str], b: dict[str, str], minute: int = 0) -> Event:
    """Evidence that two refs are two persons."""
    return Event("registry", id, a["subject"], IdentityDistinguished.model_validate({"different": [a, b]}), minute)


def retracted(id: str, target: str, org: str = "registry", minute: int = 0) -> Event:
    """A retraction, of the registry's evidence."""
    payload = IdentityRetracted.model_validate({"evidence": {"source": source("registry"), "id": target}})
    return Event(org, id, subject(0), payload, minute)


def offered(org: str, id: str, n: int, to: str, handoff: str, minute: int = 0, due: datetime | None = None) -> Event:
    """Somebody is handed to another organisation, which may have until then to accept."""
    asked = {"handoff": handoff, "to": {"org": to}, "context_released": False, "token_sha256": TOKEN_SHA256}
    if due is not None:
        asked["due"] = {"accept": due.isoformat()}
    return Event(org, id, subject(n), HandoffOffered.model_validate(asked), minute)


def accepted(org: str, id: str, n: int, handoff: str, minute: int = 0) -> Event:
    """Who was asked takes her on."""
    return Event(org, id, subject(n), HandoffAccepted.model_validate({"handoff": handoff, "token": TOKEN}), minute)


@dataclass(frozen=True)
class Record:
    """A consumed record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def record(event: Event | bytes, offset: int, partition: int = 0) -> Record:
    """The record of an event; bytes are no event, and will be parked."""
    if isinstance(event, bytes):
        return Record(TOPIC, partition, offset, 1_700_000_000_000, None, event, [("note", b"\xff")])
    at = START + timedelta(minutes=event.minute)
    made = interaction(
        event.payload, source=source(event.org), subject=event.subject, time=at, id=event.id, **event.extensions
    )
    headers, value = kafka.encode(made.event)
    return Record(TOPIC, partition, offset, 1_700_000_000_000, made.subject.encode(), value, headers)


@dataclass
class Partition:
    """One partition of the door's topic, and how far it was read. Each writer of a test has its own."""

    number: int = 0
    offset: int = 0
    into: ApplyTarget = field(default_factory=lambda: ApplyTarget(GROUP, register_unknown=True))

    def batch(self, events: Iterable[Event | bytes], epoch: int = 1) -> Batch:
        """The next events, as one poll gives it."""
        records = [record(each, self.offset + n, self.number) for n, each in enumerate(events)]
        at, start = (TOPIC, self.number), self.offset
        self.offset += len(records)
        return Batch({at: [parse_record(each) for each in records]}, {at: start}, {at: epoch})

    async def apply(self, connection: asyncpg.Connection, *events: Event | bytes) -> BatchResult:
        """It is stored, as one batch."""
        return await apply_batch(connection, self.into, self.batch(events))


async def open_log(connection: asyncpg.Connection) -> None:
    """There is a log to apply records of: its epoch is 1."""
    await connection.execute("insert into log_epoch (cluster_id, reason) values ('tests', 'first start')")


async def bind_all_evidence(database: str) -> None:
    """The membership writer has seen all evidence."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        writer = MembershipWriter(pool)
        while await writer.bind_batch():
            pass
        while await project_next_batch(pool):
            pass
