"""Webhook sinks: URL, secrets, health, and what their owners do with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

_MAKE = "insert into webhook_sink (subscription, url, max_requests_per_minute) values ($1, $2, $3)"
_URL = "select url from webhook_sink where subscription = $1"
_RATE = "select max_requests_per_minute from webhook_sink where subscription = $1"
# A sink is that of all series of its subscription.
_MOVE = """
update webhook_sink set url = $2, max_requests_per_minute = $3
where subscription = $1 or subscription in (select r.subscription from replay r where r.parent_subscription = $1)
"""
_RESET = """
update webhook_sink set revision = revision + 1, wake_at = 'epoch', not_before = 'epoch', stop_reason = null,
    consecutive_failures = 0, failing_since = null
where subscription = $1 or subscription in (select r.subscription from replay r where r.parent_subscription = $1)
"""
_RETRY_NOW = """
update webhook_retry set next_attempt_at = 'epoch', first_failed_at = null
where subscription = $1 or subscription in (select r.subscription from replay r where r.parent_subscription = $1)
"""
_END_SECRETS = """
with gone as (delete from webhook_secret where subscription = $1 and expires_at is not null)
update webhook_secret set expires_at = $2 where subscription = $1 and expires_at is null
"""
_ADD_KEY = "insert into webhook_secret (subscription, secret) values ($1, $2)"
_SECRETS = """
select asked.subscription, w.secret
from unnest($1::uuid[]) as asked(subscription)
join webhook_secret w
    on w.subscription
        = coalesce((select parent_subscription from replay r where r.subscription = asked.subscription),
            asked.subscription)
where w.expires_at is null or w.expires_at > $2
order by w.created_at desc
"""
_HEALTH = """
select w.url, w.stop_reason, w.consecutive_failures, w.failing_since, w.last_success_at, w.last_failure_at,
    w.last_failure, w.not_before, w.acked_through, s.last_number, h.held, h.next_attempt_at,
    f.failed + w.pruned_undelivered as failed,
        f.failed_ahead,
    least(h.first, w.acked_through + 1) as first_waiting
from webhook_sink w
join subscription s on s.id = w.subscription
cross join lateral (
    select count(*) filter (where number <= w.acked_through) as held, min(number) as first,
        min(next_attempt_at) filter (where attempts > 0) as next_attempt_at
    from webhook_retry where subscription = w.subscription
) h
cross join lateral (
    select count(*) as failed, count(*) filter (where number > w.acked_through) as failed_ahead
    from webhook_dead_letter where subscription = w.subscription
) f
where w.subscription = $1
"""
_FAILURES = """
select f.number, f.attempts, f.reason, f.failed_at, g.delivered_at
from webhook_dead_letter f cross join lateral delivery_at(f.subscription, f.number) g
where f.subscription = $1 and f.number > $2 order by f.number limit $3
"""
_REDRIVE = """
with moved as (
    delete from webhook_dead_letter where subscription = $1 and ($2::bigint[] is null or number = any($2))
    returning number
)
insert into webhook_retry (subscription, number, next_attempt_at) select $1, number, 'epoch' from moved
"""
_WAKE = "update webhook_sink set revision = revision + 1, wake_at = 'epoch' where subscription = $1"


class SinkHealthRow(NamedTuple):
    """How the posting to a sink goes."""

    url: str
    stop_reason: str | None
    consecutive_failures: int
    failing_since: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    not_before: datetime
    acked_through: int
    last_number: int
    held: int
    failed: int
    failed_ahead: int
    first_waiting: int
    next_attempt_at: datetime | None

    @property
    def waiting(self) -> int:
        """Events that are given, and neither posted nor given up."""
        return self.last_number - self.acked_through + self.held - self.failed_ahead


class DeadLetterRow(NamedTuple):
    """An event that was given up."""

    number: int
    attempts: int
    reason: str
    failed_at: datetime
    delivered_at: datetime


async def create(connection: asyncpg.Connection, id: UUID, url: str, rate: int | None, secret: str) -> None:
    """Events of this subscription are posted there, signed with this."""
    await connection.execute(_MAKE, id, url, rate)
    await connection.execute(_ADD_KEY, id, secret)


async def find_url(connection: asyncpg.Connection, id: UUID) -> str | None:
    """Where its events are posted; None where they are not."""
    value: str | None = await connection.fetchval(_URL, id)
    return value


async def find_allowed_rate(connection: asyncpg.Connection, id: UUID) -> int | None:
    """How many requests a minute its sink allows; None: any number."""
    rate: int | None = await connection.fetchval(_RATE, id)
    return rate


async def change_url(connection: asyncpg.Connection, id: UUID, url: str, rate: int | None) -> None:
    """Events are posted there from now on, those that wait for the old sink, too."""
    await connection.execute(_MOVE, id, url, rate)
    await resume(connection, id)


async def resume(connection: asyncpg.Connection, id: UUID) -> None:
    """It is tried again at once, whatever stopped it."""
    await connection.execute(_RESET, id)
    await connection.execute(_RETRY_NOW, id)


async def rotate_secret(connection: asyncpg.Connection, id: UUID, secret: str, old_ends_at: datetime) -> None:
    """This secret signs; so does the one before it until then, and no older one."""
    await connection.execute(_END_SECRETS, id, old_ends_at)
    await connection.execute(_ADD_KEY, id, secret)


async def fetch_secrets(connection: asyncpg.Connection, id: UUID, now: datetime) -> list[str]:
    """What signs now, the newest first."""
    return (await fetch_secrets_of(connection, [id], now))[id]


async def fetch_secrets_of(connection: asyncpg.Connection, ids: Sequence[UUID], now: datetime) -> dict[UUID, list[str]]:
    """What signs now for each of these, the newest first."""
    by_subscription: dict[UUID, list[str]] = {id: [] for id in ids}
    for id, secret in await connection.fetch(_SECRETS, ids, now):
        by_subscription[id].append(secret)
    return by_subscription


async def fetch_health(connection: asyncpg.Connection, id: UUID) -> SinkHealthRow | None:
    """How the posting to the sink of this subscription goes; None where it has none."""
    row = await connection.fetchrow(_HEALTH, id)
    return None if row is None else SinkHealthRow(**row)


async def list_dead_letters(connection: asyncpg.Connection, id: UUID, after: int, limit: int) -> list[DeadLetterRow]:
    """The dead letters, by number."""
    return [DeadLetterRow(**row) for row in await connection.fetch(_FAILURES, id, after, limit)]


async def redrive(connection: asyncpg.Connection, id: UUID, numbers: Sequence[int] | None) -> int:
    """How many events that were given up are tried again: these, or all."""
    status = str(await connection.execute(_REDRIVE, id, numbers))
    await connection.execute(_WAKE, id)
    return int(status.rpartition(" ")[2])
