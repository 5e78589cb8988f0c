"""How long deliveries are kept: unread ones must not grow for ever."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from pathline_gateway.streams.subscriptions import dispatch_progress_repository

_SUBSCRIPTIONS_PER_BATCH = 50
"""Subscriptions, and of each so many events as are deleted in well under a second."""
_EVENTS_PER_SUBSCRIPTION = 2_000
_FORGET = """
with kept as (
    select s.id, s.pruned_through, s.last_number,
        case when sum(s.last_number - s.pruned_through) over (partition by s.org) > $3
            then least($2, $3 / count(*) over (partition by s.org)) else $2 end as most
    from subscription s
), horizon as (
    select k.id, least(k.pruned_through + $5, greatest(k.last_number - k.most, coalesce((
        select e.first_number - 1 from delivery_batch e
        where e.subscription = k.id and e.last_number > k.pruned_through and e.delivered_at >= $1
        order by e.last_number limit 1
    ), k.last_number))) as number
    from kept k where k.last_number > k.pruned_through
), passed as (
    select h.id, h.number from horizon h join subscription s using (id) where h.number > s.pruned_through
    order by h.id limit $4
)
update subscription s set pruned_through = p.number from passed p where s.id = p.id returning s.id, s.pruned_through
"""
_SINKS = """
with gone as (select * from unnest($1::uuid[], $2::bigint[]) as g(subscription, number)), held as (
    delete from webhook_retry h using gone g where h.subscription = g.subscription and h.number <= g.number
    returning h.subscription, h.number
), failed as (
    delete from webhook_dead_letter f using gone g where f.subscription = g.subscription and f.number <= g.number
    returning f.subscription, f.number
)
update webhook_sink w
set acked_through = greatest(w.acked_through, g.number), revision = w.revision + 1,
    pruned_undelivered = w.pruned_undelivered + greatest(0, g.number - w.acked_through)
        + (select count(*) from held h where h.subscription = w.subscription and h.number <= w.acked_through)
        + (select count(*) from failed f where f.subscription = w.subscription and f.number <= w.acked_through)
from gone g where w.subscription = g.subscription
"""
# Of a batch of which something is kept, all is.
_DELETE = """
delete from delivery_batch e using unnest($1::uuid[], $2::bigint[]) as g(subscription, number)
where e.subscription = g.subscription and e.last_number <= g.number
"""


async def delete_expired(
    connection: asyncpg.Connection, before: datetime, max_per_subscription: int, max_per_organisation: int
) -> bool:
    """Whether it deleted anything, in one transaction: there may be more.

    It deletes deliveries before then, and those beyond the newest `max_per_subscription` of a subscription. Where an
    organisation has too many together, it deletes those beyond an even share.
    """
    async with connection.transaction():
        await dispatch_progress_repository.wait_for_lock(connection)
        rows = await connection.fetch(
            _FORGET,
            before,
            max_per_subscription,
            max_per_organisation,
            _SUBSCRIPTIONS_PER_BATCH,
            _EVENTS_PER_SUBSCRIPTION,
        )
        columns = [row["id"] for row in rows], [row["pruned_through"] for row in rows]
        if rows:
            await connection.execute(_SINKS, *columns)
            await connection.execute(_DELETE, *columns)
    return bool(rows)
