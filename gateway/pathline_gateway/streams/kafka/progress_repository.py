"""How far each series is written to its topic, who writes it, and how that goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

# Whoever has a backlog and no writer, or one whose lease has ended; of organisations that hold fewest first.
_ACQUIRE = """
with due as (
    select k.subscription, s.org,
        coalesce(h.n, 0) + row_number() over (partition by s.org order by k.not_before, k.subscription) as line
    from kafka_sink k join subscription s on s.id = k.subscription
    join kafka_topic t
        on t.subscription = coalesce((select r.parent_subscription from replay r where r.subscription = s.id), s.id)
    left join unnest($3::text[], $4::bigint[]) as h(org, n) on h.org = s.org
    where not s.is_paused and s.last_number > k.acked_through and k.not_before <= clock_timestamp()
        and t.applied_revision > 0 and (k.leased_by is null or k.lease_until < clock_timestamp())
), found as (
    select k.subscription, due.org from due join kafka_sink k using (subscription)
    where due.line <= $6 and (k.leased_by is null or k.lease_until < clock_timestamp())
    order by due.line limit $5 for update of k skip locked
)
update kafka_sink k set leased_by = $1, lease_until = clock_timestamp() + $2 from found
where k.subscription = found.subscription
returning k.subscription, found.org
"""
_RENEW = """
with ours as (
    select subscription from kafka_sink where leased_by = $1 and subscription = any($2::uuid[])
    order by subscription for update
)
update kafka_sink k set lease_until = clock_timestamp() + $3 from ours where k.subscription = ours.subscription
returning k.subscription
"""
_RELEASE = "update kafka_sink set leased_by = null where leased_by = $1 and subscription = $2"
_RELEASE_ALL = "update kafka_sink set leased_by = null where leased_by = $1"
_ACK = """
update kafka_sink set acked_through = greatest(acked_through, $3), last_success_at = $4, consecutive_failures = 0
where subscription = $1 and leased_by = $2
returning subscription
"""
_FAIL = """
update kafka_sink set leased_by = null, consecutive_failures = consecutive_failures + 1, last_failure_at = $3,
    last_failure = $4, not_before = clock_timestamp() + $5 * least(30, power(2, least(consecutive_failures, 10)))
        * interval '1 second'
where subscription = $1 and leased_by = $2
"""
_POSITION = "select acked_through from kafka_sink where subscription = $1 and leased_by = $2"
_HEALTH = """
select acked_through, not_before, consecutive_failures, last_success_at, last_failure_at, last_failure
from kafka_sink where subscription = $1
"""
_RESUME = """
update kafka_sink set not_before = 'epoch'
where subscription = $1 or subscription in (select r.subscription from replay r where r.parent_subscription = $1)
"""


class WriteProgress(NamedTuple):
    """How the writing of one series goes."""

    acked_through: int
    not_before: datetime
    consecutive_failures: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None


async def acquire_leases(
    connection: asyncpg.Connection,
    holder: UUID,
    lease: timedelta,
    held_by_org: Mapping[str, int],
    limit: int,
    max_per_org: int,
) -> list[tuple[UUID, str]]:
    """Series with something to write, and whose each is, that are this process's from now on, and no other's."""
    columns = list(held_by_org), list(held_by_org.values())
    rows = await connection.fetch(_ACQUIRE, holder, lease, *columns, limit, max_per_org)
    return [(row["subscription"], row["org"]) for row in rows]


async def renew_leases(
    connection: asyncpg.Connection, holder: UUID, ids: Sequence[UUID], lease: timedelta
) -> set[UUID]:
    """Extends the leases that this process still has, and returns their series."""
    return {row["subscription"] for row in await connection.fetch(_RENEW, holder, ids, lease)}


async def release(connection: asyncpg.Connection, holder: UUID, series: UUID) -> None:
    """The series is nobody's until there is more to write."""
    await connection.execute(_RELEASE, holder, series)


async def release_all(connection: asyncpg.Connection, holder: UUID) -> None:
    """Ends all leases of this process."""
    await connection.execute(_RELEASE_ALL, holder)


async def find_position(connection: asyncpg.Connection, holder: UUID, series: UUID) -> int | None:
    """Up to which number it is known here to be written; None where it is another process's, or gone."""
    position: int | None = await connection.fetchval(_POSITION, series, holder)
    return position


async def acknowledge(connection: asyncpg.Connection, holder: UUID, series: UUID, through: int, now: datetime) -> bool:
    """Whether it is written down that everything up to this number is; not where it is another process's by now."""
    return await connection.fetchval(_ACK, series, holder, through, now) is not None


async def record_failure(
    connection: asyncpg.Connection, holder: UUID, series: UUID, reason: str, now: datetime, jitter: float
) -> None:
    """It is nobody's, and is tried again: after a second at first, and half a minute at most, each time `jitter`."""
    await connection.execute(_FAIL, series, holder, now, reason, jitter)


async def find_progress(connection: asyncpg.Connection, series: UUID) -> WriteProgress | None:
    """How its writing goes; None where it has no topic."""
    row = await connection.fetchrow(_HEALTH, series)
    return None if row is None else WriteProgress(*row.values())


async def resume(connection: asyncpg.Connection, subscription: UUID) -> None:
    """Its series are tried again at once."""
    await connection.execute(_RESUME, subscription)
