"""A log as a test plays it: records with offsets, taken in by intake's own transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from pathline.codec import json_format, kafka
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult
from pathline_gateway.kafka import offset_repository

TOPIC = "pathline.in.door-1"
ANNA = "v1.AAAAAAAAAAAAAAAAAAAAAA"
BEN = "v1.BBBBBBBBBBBBBBBBBBBBBA"


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    topic: str = TOPIC
    partition: int = 0
    timestamp: int = 1_772_442_000_123
    key: bytes | None = b"key"


@dataclass
class Log:
    """One partition: what is sent gets the next offset."""

    topic: str = TOPIC
    end: int = 0
    group: str = "test"
    outcomes: list[BatchResult] = field(default_factory=list)

    def records(self, events: Sequence[dict[str, Any] | bytes]) -> list[Record]:
        made = [_record(each, self.end + n, self.topic) for n, each in enumerate(events)]
        self.end += len(made)
        return made

    async def take_in(
        self, connection: asyncpg.Connection, events: Sequence[dict[str, Any] | bytes], register_unknown: bool = False
    ) -> BatchResult:
        """These come in one batch."""
        start = self.end
        return await self.take(connection, start, self.records(events), register_unknown)

    async def take(
        self, connection: asyncpg.Connection, start: int, records: Sequence[Record], register_unknown: bool = False
    ) -> BatchResult:
        partition = (self.topic, 0)
        epoch = await offset_repository.open_epoch(connection, "cluster of the test")
        batch = Batch({partition: [parse_record(r) for r in records]}, {partition: start}, {partition: epoch})
        outcome = await apply_batch(connection, ApplyTarget(self.group, register_unknown), batch)
        self.outcomes.append(outcome)
        return outcome


def event(org: str, id: str, type: str = "activity.recorded", subject: str = ANNA, /, **data: Any) -> dict[str, Any]:
    said = data or {"activity": "a step", "service": "casework"}
    return {
        "specversion": "1.0",
        "id": id,
        "source": source(org),
        "type": f"org.pathline.{type}.v1",
        "subject": subject,
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": said,
    }


def source(org: str) -> str:
    return f"urn:pathline:{org}:desk"


def _record(sent: dict[str, Any] | bytes, offset: int, topic: str) -> Record:
    if isinstance(sent, bytes):
        return Record(offset, sent, [("content-type", b"application/cloudevents+json")], topic)
    headers, value = kafka.encode(json_format.decode(json.dumps(sent).encode()))
    return Record(offset, value, headers, topic)
