"""Settles attempts: which events are done, tried again or dead, and how healthy the endpoint is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import NamedTuple

from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, Disposition
from pathline_gateway.streams.webhooks.delivery_repository import (
    DeadLetter,
    EndpointState,
    PendingEvent,
    ScheduledRetry,
    SettlementRows,
)
from pathline_gateway.streams.webhooks.retry_policy import Policy


class AttemptEnd(NamedTuple):
    """A request, and how it ended."""

    event: PendingEvent
    outcome: AttemptResult


class EndpointHealth(NamedTuple):
    """How the sink stood before."""

    read_to: int
    failed_in_row: int
    failing_since: datetime | None


def stands(state: EndpointState, known: EndpointState | SettlementRows) -> EndpointState:
    """The sink as it was found, and as far as is known here: what was written last may not be committed."""
    return state._replace(read_to=known.read_to, failed_in_row=known.failed_in_row, failing_since=known.failing_since)


def settled(
    ended: Iterable[AttemptEnd],
    before: EndpointHealth,
    held: Collection[int],
    done: Collection[int],
    policy: Policy,
    chance: Random,
    now: datetime,
) -> tuple[SettlementRows, set[int]]:
    """What is to be written down; and the numbers beyond `read_to` that are done, with those that were before."""
    settling = _Settling(before, policy, chance, now)
    for event, outcome in ended:
        settling.take(event, outcome)
    return settling.result(held, done)


@dataclass
class _Settling:
    before: EndpointHealth
    policy: Policy
    chance: Random
    now: datetime
    delivered: list[int] = field(default_factory=list)
    again: list[ScheduledRetry] = field(default_factory=list)
    given_up: list[DeadLetter] = field(default_factory=list)
    not_before: datetime | None = None
    failure: str | None = None
    stopped: str | None = None
    recovered: bool = False

    def __post_init__(self) -> None:
        self.in_row, self.since = self.before.failed_in_row, self.before.failing_since

    def take(self, event: PendingEvent, outcome: AttemptResult) -> None:
        if outcome.fate is Disposition.DELIVERED:
            self.delivered.append(event.number)
            self.recovered |= self.in_row >= self.policy.in_row
            self.in_row, self.since = 0, None
            return
        self.in_row += 1
        self.since = self.since or self.now
        self.failure = outcome.told
        if outcome.fate is Disposition.GONE:
            self.stopped = "gone"
            self.again.append(ScheduledRetry(event.number, self.now, outcome.told))
            return
        self._later(event, outcome)
        if outcome.pause is not None:
            self._pause(self.now + outcome.pause)
        if self.in_row >= self.policy.in_row:
            failures = self.in_row - self.policy.in_row + 1
            self._pause(self.now + self.policy.wait(failures, self.chance, self.policy.sink_cap_s))

    def _later(self, event: PendingEvent, outcome: AttemptResult) -> None:
        attempts = event.attempts + 1
        aged = self.now - (event.first_failed_at or self.now) >= self.policy.longest
        if aged and self._is_dead():
            self.stopped = self.stopped or "unreachable"
        elif aged or (outcome.fate is Disposition.WRONG and attempts >= self.policy.few):
            self.given_up.append(DeadLetter(event.number, attempts, outcome.told))
            return
        at = self.now + self.policy.wait(attempts, self.chance, self.policy.cap_s)
        self.again.append(ScheduledRetry(event.number, at, outcome.told))

    def _is_dead(self) -> bool:
        """Nothing was taken for so long that it is not about one event."""
        long = self.since is not None and self.now - self.since >= self.policy.longest
        return long and self.in_row >= self.policy.in_row

    def _pause(self, until: datetime) -> None:
        self.not_before = until if self.not_before is None else max(self.not_before, until)

    def result(self, held: Collection[int], done: Collection[int]) -> tuple[SettlementRows, set[int]]:
        now_done = {*done, *self.delivered, *(each.number for each in self.given_up)}
        # What was redelivered from among the held is no more, but its number may be passed all the same.
        apart = {*held, *(each.number for each in self.again)}
        read_to = self.before.read_to
        while read_to + 1 in now_done or read_to + 1 in apart:
            read_to += 1
        settled = SettlementRows(
            read_to=read_to,
            failed_in_row=self.in_row,
            failing_since=self.since,
            not_before=self.not_before,
            success_at=self.now if self.delivered else None,
            failure_at=None if self.failure is None else self.now,
            failure=self.failure,
            stopped=self.stopped,
            done=self.delivered,
            again=self.again,
            given_up=self.given_up,
            try_all=self.recovered,
        )
        return settled, {number for number in now_done if number > read_to}
