"""The fold: interactions of one person, whatever order they came in, become her pathway. Pure.

Order: time (microseconds), source, sequence (text, absent first), id; by code point, as in `COLLATE "C"`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """An interaction as it stands on a pathway. `data` is the JSON as sent; `extra` its further envelope attributes."""

    source: str
    id: str
    type: str
    time: datetime
    recordedtime: datetime | None
    org: str
    subject: str
    service: str | None
    channel: str | None
    activity: str | None
    initiator: str | None
    actor: str | None
    sequence: str | None
    trace_id: bytes | None
    span_id: bytes | None
    extra: bytes
    data: bytes

    @property
    def order(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among the others."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id


@dataclass(frozen=True, slots=True)
class Pathway:
    """One person's steps in order, and the organisations and services that they lead through."""

    steps: Sequence[Step]
    legs: Sequence[tuple[str, str | None]]


def assemble(steps: Iterable[Step]) -> Pathway:
    """The pathway of these steps: the same for every order of them."""
    ordered = sorted(steps, key=lambda step: step.order)
    return Pathway(ordered, list(dict.fromkeys((step.org, step.service) for step in ordered)))
