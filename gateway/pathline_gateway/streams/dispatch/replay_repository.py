"""Further series of subscriptions, and how far each has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pathline import instant
from pathline_gateway.streams.subscriptions import budget_repository

_MAX_CLOCK_SKEW = timedelta(hours=1)
"""No transaction lasts so long, and no two clocks of Postgres differ by so much. `logged_at` is when one began, and
`seq` grows as they end. So all before an entry that is this much older than an instant is older, too."""
_NEXT = "select seq, logged_at from change_log where seq >= $1 order by seq limit 1"
_FIRST = "select seq from change_log where seq > $1 and logged_at >= $2 order by seq limit 1"
_LAST = "select coalesce(max(seq), 0) from change_log"
# The entry before the one that the event came with: others may have come with that, too.
_OF_NUMBER = """
select min(c.seq) - 1
from delivery_at($1, $2) g
join event_identity k on k.source = g.source and k.id = g.id
join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
join change_log c on c.ref = i.ref and c.batch = i.batch and c.kind = 'interaction'
"""
_LOCK = "select id from subscription where id = $1 for update"
_UNFINISHED = "select count(*) from replay where parent_subscription = $1 and scanned_through < to_seq"
_OF_ORG = """
select count(*) from replay r join subscription s on s.id = r.parent_subscription
where s.org = $1 and r.scanned_through < r.to_seq
"""
_SUBSCRIBE = """
insert into subscription (org, is_operator, protocol, purpose, authority, filters, is_paused, payload, start_seq)
select org, is_operator, protocol, purpose, authority, filters, is_paused, payload, $2 from subscription where id = $1
returning id
"""
# What comes later the subscription is given anyway. A shard that had no subscription has not looked at what was before.
_OPEN = """
insert into replay (subscription, parent_subscription, series, scanned_through, to_seq, skip_through_number)
select $1, $2, coalesce((select max(series) from replay where parent_subscription = $2), 1) + 1, $3,
    greatest($3, (
        select greatest(p.change_seq, s.start_seq)
        from dispatch_progress p join subscription s on s.shard = p.shard where s.id = $2
    )), $4
returning series
"""
_COPY_WEBHOOK = """
insert into webhook_sink (subscription, url, max_requests_per_minute)
select $1, url, max_requests_per_minute from webhook_sink where subscription = $2
"""
_COPY_TOPIC = "insert into kafka_sink (subscription) select $1 from kafka_topic where subscription = $2"
# One page of any: who is replayed from the beginning keeps nobody else waiting.
_CLAIM = """
select subscription, parent_subscription, scanned_through, to_seq, skip_through_number from replay
where scanned_through < to_seq
    and not exists (select from set_aside a where a.work = 'replays' and a.retry_at > now()
        and a.key = 'subscription:' || replay.subscription)
order by random() limit 1 for update skip locked
"""
_END = (
    "select max(seq) as seq from (select seq from change_log where seq > $1 and seq <= $2 order by seq limit $3) as c"
)
# Of what was stored after an instant, nothing was given before it: an hour is longer than any transaction.
_ALREADY_DELIVERED = """
select e.source, e.id
from delivery_batch b
cross join lateral unnest(b.sources, b.ids) with ordinality as e(source, id, place)
where b.subscription = $1 and b.first_number <= $2 and b.ids && $4::text[]
    and b.delivered_at >= coalesce(
        (select logged_at from change_log where seq > $5 order by seq limit 1), '-infinity'
    ) - interval '1 hour'
    and b.first_number + e.place - 1 <= $2
    and (e.source, e.id) in (select * from unnest($3::integer[], $4::text[]))
"""
_ADVANCE = "update replay set scanned_through = $2 where subscription = $1"
_ALL = "select series, scanned_through >= to_seq as complete from replay where parent_subscription = $1 order by series"


class ReplayRow(NamedTuple):
    """A series that is not complete."""

    subscription: UUID
    parent_subscription: UUID
    scanned_through: int
    to_seq: int
    skip_through_number: int


class SeriesRow(NamedTuple):
    """A further series of a subscription."""

    series: int
    complete: bool
    """Everything that it will ever hold was given."""


async def find_entry_before(connection: asyncpg.Connection, at: datetime) -> int:
    """After which entry of the change log everything is that was stored from then on.

    The log has no index by time, but almost its order: halved until what is older for certain has been passed.
    """
    low, last = 0, int(await connection.fetchval(_LAST))
    high = last + 1
    while high - low > 1:
        middle = (low + high) // 2
        entry = await connection.fetchrow(_NEXT, middle)
        if entry is not None and entry["seq"] < high and entry["logged_at"] < instant.subtract(at, _MAX_CLOCK_SKEW):
            low = entry["seq"]
        else:
            high = middle
    first: int | None = await connection.fetchval(_FIRST, low, at)
    return last if first is None else first - 1


async def find_entry_of_number(connection: asyncpg.Connection, id: UUID, number: int) -> int | None:
    """After which entry everything is that this subscription was given after this number; None: it has none such."""
    entry: int | None = await connection.fetchval(_OF_NUMBER, id, number)
    return entry


async def count_unfinished(connection: asyncpg.Connection, subscription_id: UUID) -> int:
    """How many series are being given. Nobody opens another meanwhile: call within a transaction."""
    await connection.execute(_LOCK, subscription_id)
    return int(await connection.fetchval(_UNFINISHED, subscription_id))


async def count_unfinished_of_org(connection: asyncpg.Connection, org: str) -> int:
    """How many series of all subscriptions of this organisation are being given; nobody opens another meanwhile."""
    await budget_repository.lock(connection, org)
    return int(await connection.fetchval(_OF_ORG, org))


async def create_series(
    connection: asyncpg.Connection, subscription_id: UUID, after: int, skip_through_number: int
) -> int:
    """A further series, of what was stored after this entry and is looked at by now."""
    series_id = await connection.fetchval(_SUBSCRIBE, subscription_id, after)
    series: int = await connection.fetchval(_OPEN, series_id, subscription_id, after, skip_through_number)
    await connection.execute(_COPY_WEBHOOK, series_id, subscription_id)
    await connection.execute(_COPY_TOPIC, series_id, subscription_id)
    return series


async def claim(connection: asyncpg.Connection) -> ReplayRow | None:
    """A series that is to be given more, and is nobody else's in this transaction."""
    row = await connection.fetchrow(_CLAIM)
    return None if row is None else ReplayRow(**row)


async def page_end(connection: asyncpg.Connection, replay: ReplayRow, entries: int) -> int:
    """Up to which entry to look now."""
    end: int | None = await connection.fetchval(_END, replay.scanned_through, replay.to_seq, entries)
    return replay.to_seq if end is None else end


async def find_already_delivered(
    connection: asyncpg.Connection, replay: ReplayRow, events: Sequence[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Those of these events (source, id) that were given before the number from which it is replayed."""
    if not events or not replay.skip_through_number:
        return set()
    columns = ([source for source, _ in events], [id for _, id in events])
    rows = await connection.fetch(
        _ALREADY_DELIVERED,
        replay.parent_subscription,
        replay.skip_through_number,
        *columns,
        replay.scanned_through,
    )
    return {(row["source"], row["id"]) for row in rows}


async def advance(connection: asyncpg.Connection, replay: ReplayRow, scanned_through: int) -> None:
    """Everything up to this entry was given."""
    await connection.execute(_ADVANCE, replay.subscription, scanned_through)


async def list_series(connection: asyncpg.Connection, subscription_id: UUID) -> list[SeriesRow]:
    """The further series of this subscription."""
    return [SeriesRow(**row) for row in await connection.fetch(_ALL, subscription_id)]
