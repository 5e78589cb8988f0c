"""The lease of a webhook subscription: which process alone posts to its sink now, and until when.

`DeliveryPolicy.lease_s` says how long a lease lasts without renewal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from pathline_gateway.streams.webhooks.delivery_rows import LeaseRelease

_ACQUIRE = """
with due as (
    select w.subscription, s.org, w.wake_at,
        coalesce(h.n, 0) + row_number() over (partition by s.org order by w.wake_at, w.subscription) as line
    from webhook_sink w join subscription s on s.id = w.subscription
    left join unnest($5::text[], $6::bigint[]) as h(org, n) on h.org = s.org
    where w.stop_reason is null and not s.is_paused and case when w.leased_by is null
        then w.not_before <= $3 and (s.last_number > w.last_seen_number or w.wake_at <= $3)
        else w.lease_until < clock_timestamp() end
        and not exists (select from set_aside a where a.work = 'webhooks' and a.retry_at > now()
            and a.key = 'subscription:' || w.subscription)
), found as (
    select w.subscription, due.org
    from due join webhook_sink w using (subscription)
    where due.line <= $7 and (w.leased_by is null or w.lease_until < clock_timestamp())
    order by due.line, due.wake_at limit $4
    for update of w skip locked
)
update webhook_sink w set leased_by = $1, lease_until = clock_timestamp() + $2 from found
where w.subscription = found.subscription
returning w.subscription, found.org
"""
_DUE = """
select s.org, count(*) as n
from webhook_sink w join subscription s on s.id = w.subscription
where w.stop_reason is null and not s.is_paused and case when w.leased_by is null
    then w.not_before <= $1 and (s.last_number > w.last_seen_number or w.wake_at <= $1)
    else w.lease_until < clock_timestamp() end
    and not exists (select from set_aside a where a.work = 'webhooks' and a.retry_at > now()
        and a.key = 'subscription:' || w.subscription)
group by s.org
"""
# Whatever writes several sinks locks them by id, so that nobody waits for somebody who waits for them.
_RENEW = """
with ours as (
    select subscription from webhook_sink where leased_by = $1 and subscription = any($2::uuid[])
    order by subscription for update
)
update webhook_sink w set lease_until = clock_timestamp() + $3 from ours where w.subscription = ours.subscription
returning w.subscription
"""
_RELEASE = """
with ours as (
    select subscription from webhook_sink where leased_by = $1 and subscription = any($2::uuid[])
    order by subscription for update
)
update webhook_sink w
set leased_by = null, wake_at = said.wake_at, last_seen_number = said.last_seen_number,
    not_before = greatest(w.not_before, said.not_before)
from ours join unnest($2::uuid[], $3::timestamptz[], $4::bigint[], $5::timestamptz[], $6::bigint[])
    as said(subscription, wake_at, last_seen_number, not_before, revision) using (subscription)
where w.subscription = ours.subscription and w.revision = said.revision
returning w.subscription
"""
_DROP = "update webhook_sink set leased_by = null where leased_by = $1 and subscription = any($2::uuid[])"
_RELEASE_ALL = "update webhook_sink set leased_by = null, wake_at = 'epoch' where leased_by = $1"


async def acquire_leases(
    connection: asyncpg.Connection,
    holder_id: UUID,
    lease: timedelta,
    now: datetime,
    limit: int,
    leases_by_org: Mapping[str, int],
    max_per_org: int,
) -> list[tuple[UUID, str]]:
    """Subscriptions with something to post, and whose each is, that are this process's from now on, and no other's.

    Of organisations that hold fewest first, and never more than so many of one, with those that are `leases_by_org`.
    """
    rows = await connection.fetch(
        _ACQUIRE, holder_id, lease, now, limit, list(leases_by_org), list(leases_by_org.values()), max_per_org
    )
    return [(row["subscription"], row["org"]) for row in rows]


async def count_due(connection: asyncpg.Connection, now: datetime) -> dict[str, int]:
    """How many subscriptions of each organisation have something to post, and are nobody's."""
    return dict(await connection.fetch(_DUE, now))


async def renew_leases(
    connection: asyncpg.Connection, holder_id: UUID, ids: Sequence[UUID], lease: timedelta
) -> set[UUID]:
    """Extends the leases that this process still has, and returns their subscriptions."""
    return {row["subscription"] for row in await connection.fetch(_RENEW, holder_id, ids, lease)}


async def release_leases(
    connection: asyncpg.Connection, holder_id: UUID, releases: Sequence[LeaseRelease]
) -> set[UUID]:
    """Those of these that are nobody's until then, or until they are given more; not what somebody changed."""
    rows = await connection.fetch(_RELEASE, holder_id, *map(list, zip(*releases, strict=True)))
    return {row["subscription"] for row in rows}


async def drop_leases(connection: asyncpg.Connection, holder_id: UUID, ids: Sequence[UUID]) -> None:
    """Ends the leases of these subscriptions."""
    await connection.execute(_DROP, holder_id, ids)


async def release_all_leases(connection: asyncpg.Connection, holder_id: UUID) -> None:
    """Ends all leases of this process."""
    await connection.execute(_RELEASE_ALL, holder_id)
