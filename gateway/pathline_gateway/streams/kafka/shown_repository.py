"""Others' events that a topic showed to its reader, and when each was last looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

_FORGET_RANGE = "delete from kafka_shown where subscription = $1 and number > $2 and number <= $3"
_INSERT = """
insert into kafka_shown (subscription, number, pathway, source, id, digest)
select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
"""
# Of one series: what follows is rendered together.
_CLAIM = """
with first as (
    select k.subscription, w.acked_through, s.pruned_through from kafka_shown k
    join kafka_sink w on w.subscription = k.subscription
    join subscription s on s.id = k.subscription
    where k.checked_at < clock_timestamp() - $1::interval
        and k.number <= w.acked_through and k.number > s.pruned_through and not s.is_paused
    order by k.checked_at limit 1
)
select k.subscription, k.number, k.pathway, k.source, k.id, k.digest
from kafka_shown k join first f on f.subscription = k.subscription
where k.checked_at < clock_timestamp() - $1::interval and k.number <= f.acked_through and k.number > f.pruned_through
order by k.number limit $2 for update of k skip locked
"""
# What the topic keeps no longer, and what the gateway does not: nobody can say of it what it has become.
_EXPIRE = """
delete from kafka_shown k using subscription s
where s.id = k.subscription and (k.number <= s.pruned_through or k.shown_at < now() - (
    select t.retention_hours * interval '1 hour' from kafka_topic t
    where t.subscription = coalesce((select r.parent_subscription from replay r where r.subscription = s.id), s.id)))
"""
_CHECKED = """
update kafka_shown k set checked_at = clock_timestamp(), digest = c.digest
from unnest($2::bigint[], $3::bytea[]) as c(number, digest)
where k.subscription = $1 and k.number = c.number
"""
_DELETE = "delete from kafka_shown where subscription = $1 and number = any($2::bigint[])"


class ShownEvent(NamedTuple):
    """An event as the reader of a topic was told it."""

    number: int
    pathway: str | None
    source: str
    id: str
    digest: bytes


async def remember(
    connection: asyncpg.Connection, series: UUID, after: int, through: int, shown: Sequence[ShownEvent]
) -> None:
    """Of these numbers these events are shown, and no others."""
    await connection.execute(_FORGET_RANGE, series, after, through)
    if shown:
        await connection.execute(_INSERT, series, *map(list, zip(*shown, strict=True)))


async def claim(
    connection: asyncpg.Connection, interval: timedelta, limit: int
) -> tuple[UUID, list[ShownEvent]] | None:
    """Events of one series that nobody looked at for so long, and no other process's until the transaction ends."""
    rows = await connection.fetch(_CLAIM, interval, limit)
    return (rows[0]["subscription"], [ShownEvent(*list(row.values())[1:]) for row in rows]) if rows else None


async def mark_checked(connection: asyncpg.Connection, series: UUID, digests: Sequence[tuple[int, bytes]]) -> None:
    """Their reader knows them as these digests say."""
    if digests:
        await connection.execute(_CHECKED, series, *map(list, zip(*digests, strict=True)))


async def forget(connection: asyncpg.Connection, series: UUID, numbers: Sequence[int]) -> None:
    """Their reader was told that they are shown no more."""
    await connection.execute(_DELETE, series, list(numbers))


async def delete_expired(connection: asyncpg.Connection) -> None:
    """Nothing is looked at that the topic, or the gateway, keeps no longer."""
    await connection.execute(_EXPIRE)
