"""A consumed record, and what reading it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pathline.vocabulary import Payload
from pathline_gateway.intake.content_digest import DigestedContent
from pathline_gateway.intake.payload_columns import PayloadColumns


class KafkaRecord(Protocol):
    """What is read of a consumed record (aiokafka's ConsumerRecord has it)."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Accepted(NamedTuple):
    """An interaction that keeps its contract, as it will be stored."""

    record: KafkaRecord
    identity: tuple[str, str]
    """Source and id."""
    ref: tuple[str, str]
    """Organisation and subject."""
    is_step: bool
    """Whether it stands on a pathway; else it is evidence, or concerns nobody."""
    type: str
    time: datetime
    recordedtime: datetime | None
    sequence: str | None
    trace: tuple[bytes, bytes] | None
    """Trace id and span id of the call that published it."""
    columns: PayloadColumns
    payload: Payload | None
    """None where intake looks at no more than the columns: it is most of an event's objects, and batches wait."""
    digest: bytes
    """Of the event as it was sent, the path it took left out."""
    stored_bytes: bytes
    """Further attributes and the data, as they are kept."""

    @property
    def content(self) -> DigestedContent:
        """What it says, to be compared with another of the same identity."""
        return DigestedContent(self.type, self.ref[1], self.sequence, self.stored_bytes)


class Parked(NamedTuple):
    """A record that is kept as it came, and why. `detail` never repeats a value."""

    record: KafkaRecord
    reason: str
    detail: str
    field: str | None = None
    org: str | None = None
    position_only: bool = False
    """Whether nothing is kept of it but where it stands: the database does not take its bytes."""


ParsedRecord = Accepted | Parked
"""What a record is to intake."""
