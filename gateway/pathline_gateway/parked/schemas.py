"""What operators are answered about parked records, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pathline_gateway.intake.parked_repository import KeptPart

State = Literal["parked", "replayed", "discarded"]


class _Record(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    org: str | None
    """Who published it, where that could be told."""
    reason: str
    """Why, as one stable word."""
    field: str | None
    """The attribute or field that fails, such as `data.activity`."""
    detail: str
    """What is wrong and what to do; never the value."""
    topic: str
    partition: int
    offset: int
    at: datetime | None
    """The record's own time."""
    parked_at: datetime
    tried_at: datetime | None
    """When it was last read again."""
    state: State
    resolved_at: datetime | None
    resolved_by: str | None
    """By which role: never a name."""
    resolution: str | None
    """As what it was stored, or why it was discarded."""
    kept: KeptPart
    """`whole`; `cut`: the beginning of a record that is too large. `position`: only where it stands, since nobody could
    read or store it. What is not whole cannot be replayed."""
    last_offset: int | None
    """Where these are several records of one batch that nobody could read: the last of them."""
    size: int | None
    """Bytes of the whole record, where it is not kept whole; as it claims, where nobody could read it."""
    sha256: str | None
    """Of the whole value, where only a part is kept. Of the batch as it is in the log, where nobody could read it."""


class ParkedRecord(_Record):
    """A parked record, without its bytes."""

    bytes: int | None
    """How many its whole value has; null where it has none."""


class ParkedRecords(BaseModel):
    """A page of parked records."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    records: list[ParkedRecord]
    next: int | None
    """The `after` of the next page; null at the end."""


class EncodedBytes(BaseModel):
    """Bytes, as they came."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    base64: str
    text: str | None
    """The same as text, where they are UTF-8."""


class ParkedHeader(BaseModel):
    """A header of the record."""

    name: EncodedBytes
    value: EncodedBytes | None


class ParkedRecordContent(_Record):
    """A parked record, as it came."""

    log_epoch: int
    """Which log its offset is of."""
    bytes: int | None
    """How many its whole value has; null where it has none, or nobody could read it."""
    timestamp: int
    """The record's own time in milliseconds; -1 where it had none."""
    key: EncodedBytes | None
    value: EncodedBytes | None
    headers: list[ParkedHeader]


class ParkedGroup(BaseModel):
    """What one publisher has parked for one reason."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str | None
    reason: str
    n: int
    oldest: datetime
    newest: datetime
    last: int
    """The highest id."""
    fields: list[str] | None
    """What fails."""


class ParkedGroups(BaseModel):
    """The largest group first."""

    groups: list[ParkedGroup]


class ReplayedRecord(BaseModel):
    """What became of one record. `reason`, `field` and `detail` say why it is still parked."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    outcome: Literal["replayed", "still-parked", "settled-before", "unknown"]
    resolution: str | None
    """As what it was stored: `accepted`, `evidence` or `duplicate`."""
    reason: str | None
    field: str | None
    detail: str | None


class ReplayedRecords(BaseModel):
    """What became of each."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    replayed: int
    still_parked: int
    results: list[ReplayedRecord]
    next: int | None
    """The `after` of the next 1,000; null at the end."""


class DiscardedRecord(BaseModel):
    """What became of one record."""

    id: int
    outcome: Literal["discarded", "settled-before", "unknown"]


class DiscardedRecords(BaseModel):
    """What became of each."""

    discarded: int
    results: list[DiscardedRecord]
