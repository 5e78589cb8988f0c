"""What becomes of one record of a source: an event that may be sent, or a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pathline.cloudevent import CloudEvent
from pathline.errors import Refused


@dataclass(frozen=True, slots=True)
class Ready:
    """The record on this line is an event that keeps its contract."""

    line: int
    event: CloudEvent


@dataclass(frozen=True, slots=True)
class Reject:
    """The record on this line is refused, here or by the gateway."""

    line: int
    reason: str
    field: str | None
    detail: str

    @classmethod
    def from_refusal(cls, line: int, refusal: Refused) -> Reject:
        """The refusal of the record that begins on this line."""
        return cls(line, refusal.reason, refusal.field, refusal.detail)


Outcome = Ready | Reject
Outcomes = Iterable[Outcome]
"""One outcome a record, in the order of the source: the n-th is the same in every run over the same file."""
