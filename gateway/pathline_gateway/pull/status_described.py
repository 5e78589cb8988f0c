"""What `/v1/status` answers, for OpenAPI."""

from __future__ import annotations

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


class Alive(BaseModel):
    """The event loop turns."""

    status: Literal["alive"]


class Ready(BaseModel):
    """Traffic may be sent here."""

    status: Literal["ready"]
