"""What Postgres keeps of a sink and its deliveries, as values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID


class SinkState(NamedTuple):
    """A sink, as whoever delivers to it finds it."""

    url: str
    max_requests_per_minute: int | None
    acked_through: int
    not_before: datetime
    consecutive_failures: int
    failing_since: datetime | None
    revision: int
    is_idle: bool
    last_number: int
    failed: int
    paced_until: datetime = datetime.min.replace(tzinfo=UTC)
    """When the sink allows another request, whoever the last was from."""


class PendingEvent(NamedTuple):
    """An event that was given, and is neither posted nor given up."""

    number: int
    delivered_at: datetime
    ordering_key: UUID | None
    attempts: int
    first_failed_at: datetime | None
    next_attempt_at: datetime | None
    is_held: bool


class ScheduledRetry(NamedTuple):
    """An event that is tried again."""

    number: int
    at: datetime
    reason: str


class LeaseRelease(NamedTuple):
    """A sink that is let go, and what was known of it."""

    subscription: UUID
    wake_at: datetime
    last_seen_number: int
    not_before: datetime
    revision: int


class DeadLetter(NamedTuple):
    """An event that is tried no more."""

    number: int
    attempts: int
    reason: str


class SettlementRows(NamedTuple):
    """What became of some requests, and how the sink stands since."""

    acked_through: int
    consecutive_failures: int
    failing_since: datetime | None
    not_before: datetime | None
    success_at: datetime | None
    failure_at: datetime | None
    failure: str | None
    stop_reason: str | None
    delivered: Sequence[int]
    retries: Sequence[ScheduledRetry]
    dead_letters: Sequence[DeadLetter]
    retry_all: bool
