"""Settles attempts: which events are done, tried again or dead, and how healthy the sink is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import NamedTuple

from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, Disposition
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.delivery_rows import (
    DeadLetter,
    PendingEvent,
    ScheduledRetry,
    SettlementRows,
    SinkState,
)


class AttemptEnd(NamedTuple):
    """A request, and how it ended."""

    event: PendingEvent
    result: AttemptResult


class SinkHealth(NamedTuple):
    """How the sink stood before."""

    consecutive_failures: int
    failing_since: datetime | None


def with_local_state(state: SinkState, local: SinkState | SettlementRows) -> SinkState:
    """The state that Postgres has, with this worker's own progress and failures, which may be newer."""
    return state._replace(
        acked_through=local.acked_through,
        consecutive_failures=local.consecutive_failures,
        failing_since=local.failing_since,
    )


def settle_attempts(
    attempts: Iterable[AttemptEnd], health: SinkHealth, policy: DeliveryPolicy, rng: Random, now: datetime
) -> Settlement:
    """What became of these requests, and how the sink stands since."""
    settlement = Settlement(health, policy, rng, now)
    for event, result in attempts:
        settlement.record(event, result)
    return settlement


@dataclass
class Settlement:
    """What became of some requests. Each delivery is done, or tried again at a stated time."""

    health: SinkHealth
    policy: DeliveryPolicy
    rng: Random
    now: datetime
    delivered: list[int] = field(default_factory=list)
    retries: list[ScheduledRetry] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    not_before: datetime | None = None
    failure: str | None = None
    stop_reason: str | None = None
    has_recovered: bool = False

    def __post_init__(self) -> None:
        self.consecutive_failures, self.failing_since = self.health.consecutive_failures, self.health.failing_since

    def record(self, event: PendingEvent, result: AttemptResult) -> None:
        """One request has ended so."""
        if result.disposition is Disposition.DELIVERED:
            self.delivered.append(event.number)
            self.has_recovered |= self.consecutive_failures >= self.policy.failure_threshold
            self.consecutive_failures, self.failing_since = 0, None
            return
        self.consecutive_failures += 1
        self.failing_since = self.failing_since or self.now
        self.failure = result.public_reason
        if result.disposition is Disposition.GONE:
            self.stop_reason = "gone"
            self.retries.append(ScheduledRetry(event.number, self.now, result.public_reason))
            return
        self._schedule_retry(event, result)
        if result.retry_after is not None:
            self._postpone(self.now + result.retry_after)
        if self.consecutive_failures >= self.policy.failure_threshold:
            failures = self.consecutive_failures - self.policy.failure_threshold + 1
            self._postpone(self.now + self.policy.backoff(failures, self.rng, self.policy.sink_cap_s))

    def _schedule_retry(self, event: PendingEvent, result: AttemptResult) -> None:
        attempts = event.attempts + 1
        is_expired = self.now - (event.first_failed_at or self.now) >= self.policy.max_age
        if is_expired and self._is_unreachable():
            self.stop_reason = self.stop_reason or "unreachable"
        elif is_expired or (
            result.disposition is Disposition.CLIENT_ERROR
            and attempts >= self.policy.max_attempts_client_error
            and self.now - (event.first_failed_at or self.now) >= self.policy.client_error_age
        ):
            self.dead_letters.append(DeadLetter(event.number, attempts, result.public_reason))
            return
        at = self.now + self.policy.backoff(attempts, self.rng, self.policy.cap_s)
        self.retries.append(ScheduledRetry(event.number, at, result.public_reason))

    def _is_unreachable(self) -> bool:
        """Nothing was taken for so long that it is not about one event."""
        failing_too_long = self.failing_since is not None and self.now - self.failing_since >= self.policy.max_age
        return failing_too_long and self.consecutive_failures >= self.policy.failure_threshold

    def _postpone(self, until: datetime) -> None:
        self.not_before = until if self.not_before is None else max(self.not_before, until)

    @property
    def done(self) -> list[int]:
        """Delivered, or given up."""
        return [*self.delivered, *(each.number for each in self.dead_letters)]

    @property
    def retry_at(self) -> dict[int, datetime]:
        """When each failed delivery is tried again."""
        return {each.number: each.at for each in self.retries}

    def rows(self, acked_through: int) -> SettlementRows:
        """What is to be written down; up to `acked_through` every delivery is done or held."""
        return SettlementRows(
            acked_through=acked_through,
            consecutive_failures=self.consecutive_failures,
            failing_since=self.failing_since,
            not_before=self.not_before,
            success_at=self.now if self.delivered else None,
            failure_at=None if self.failure is None else self.now,
            failure=self.failure,
            stop_reason=self.stop_reason,
            delivered=self.delivered,
            retries=self.retries,
            dead_letters=self.dead_letters,
            retry_all=self.has_recovered,
        )
