"""What `/v1/status` answers, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class PartitionStatus(BaseModel):
    """How far intake is in one partition."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    topic: str
    partition: int
    end: int
    """The offset that the next record will have."""
    applied: int
    """The offset of the next record to be applied."""
    lag: int


class FailingWork(BaseModel):
    """A background work that fails, or has set something aside. All others go on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    work: str
    records: int
    """How many records, hand-offs, pathways or subscriptions it has set aside; 0 where it fails as a whole."""
    since: datetime
    reason: str
    """A stable word, or the class of the error."""


class ElectedWork(BaseModel):
    """A work that one process of a deployment leads at a time; when that is gone, another takes it within seconds."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    work: str
    """Such as `membership`; `dispatch-0` to `dispatch-7` are the shards of subscriptions."""
    process: int | None
    """The number of the process; null for the moment in which nobody leads it."""
    term: int
    """It grows by one whenever a process takes the work."""
    since: datetime


class Status(BaseModel):
    """How much there is, and how far behind."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    interactions: int
    parked: int
    """Refused records that nobody has replayed or discarded."""
    pathways: int
    """Those with at least one step."""
    subjects: int
    links: int
    conflicts: int
    """Evidence that contradicts other evidence, and waits for a reviewer."""
    quarantined: int
    """Evidence that would join more than one person is, and waits for a reviewer."""
    lag: int
    """Events acknowledged but not yet visible in every answer: the largest over intake and identity."""
    partitions: list[PartitionStatus]
    failing: list[FailingWork]
    """Empty where every background work does what it should."""
    elected: list[ElectedWork]
    """Which process leads what."""


class Liveness(BaseModel):
    """The event loop turns."""

    status: Literal["alive"]


class Readiness(BaseModel):
    """Traffic may be sent here."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ready"]
    failing: list[str]
    """Background works that fail, or have set something aside: see `/v1/status`."""
