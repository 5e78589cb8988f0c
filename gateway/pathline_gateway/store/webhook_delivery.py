"""Which process posts to which sink, what is to be posted there, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

_TAKE = """
with found as (
    select w.subscription
    from webhook_sink w join subscription s on s.id = w.subscription
    where w.stopped is null and not s.paused and case when w.held_by is null
        then w.not_before <= $3 and (s.last_number > w.seen or w.due_at <= $3)
        else w.held_until < clock_timestamp() end
    order by w.due_at limit $4
    for update of w skip locked
)
update webhook_sink w set held_by = $1, held_until = clock_timestamp() + $2 from found
where w.subscription = found.subscription
returning w.subscription
"""
_RENEW = """
update webhook_sink set held_until = clock_timestamp() + $3 where held_by = $1 and subscription = any($2::uuid[])
returning subscription
"""
_RELEASE = """
update webhook_sink set held_by = null, due_at = $3, seen = $4, not_before = greatest(not_before, $5)
where subscription = $1 and held_by = $2 and changed = $6
returning true
"""
_RELEASE_ALL = "update webhook_sink set held_by = null, due_at = 'epoch' where held_by = $1"
_STATE = """
select w.url, w.allowed_rate, w.read_to, w.not_before, w.failed_in_row, w.failing_since, w.changed,
    s.paused or w.stopped is not null as idle, s.last_number,
    (select count(*) from webhook_failed f where f.subscription = w.subscription) as failed
from webhook_sink w join subscription s on s.id = w.subscription
where w.subscription = $1 and w.held_by = $2
"""
# One subscription's alone, by primary key: the window is short, and few events are held.
_AHEAD = """
select g.number, g.given_at, g.pathway as lane, 0 as attempts, null as first_failed_at, null as next_at,
    false as is_held
from given_on_pathway g
where g.subscription = $1 and g.number > $2 and g.number <= $3
    and not exists (select from webhook_held h where h.subscription = $1 and h.number = g.number)
    and not exists (select from webhook_failed f where f.subscription = $1 and f.number = g.number)
"""
_HELD = """
select g.number, g.given_at, g.pathway as lane, h.attempts, h.first_failed_at, h.next_at, true as is_held
from webhook_held h join given_on_pathway g on g.subscription = h.subscription and g.number = h.number
where h.subscription = $1
"""
_HOLD = """
insert into webhook_held (subscription, number, next_at) select $1, number, 'epoch' from unnest($2::bigint[]) number
on conflict do nothing
"""
_SETTLE = """
update webhook_sink set read_to = $3, failed_in_row = $4, failing_since = $5, not_before = greatest(not_before, $6),
    last_success_at = coalesce($7, last_success_at), last_failure_at = coalesce($8, last_failure_at),
    last_failure = coalesce($9, last_failure), stopped = coalesce($10, stopped)
where subscription = $1 and held_by = $2
returning true
"""
_DONE = "delete from webhook_held where subscription = $1 and number = any($2::bigint[])"
_AGAIN = """
insert into webhook_held (subscription, number, attempts, first_failed_at, next_at, reason)
values ($1, $2, 1, $3, $4, $5)
on conflict (subscription, number) do update
set attempts = webhook_held.attempts + 1, next_at = excluded.next_at, reason = excluded.reason,
    first_failed_at = coalesce(webhook_held.first_failed_at, excluded.first_failed_at)
"""
_GIVE_UP = """
insert into webhook_failed (subscription, number, attempts, reason, failed_at) values ($1, $2, $3, $4, $5)
on conflict do nothing
"""
_TRY_ALL = "update webhook_held set next_at = least(next_at, $2) where subscription = $1"


class State(NamedTuple):
    """A sink, as whoever delivers to it finds it."""

    url: str
    allowed_rate: int | None
    read_to: int
    not_before: datetime
    failed_in_row: int
    failing_since: datetime | None
    changed: int
    idle: bool
    last_number: int
    failed: int


class Next(NamedTuple):
    """An event that was given, and is neither posted nor given up."""

    number: int
    given_at: datetime
    lane: UUID | None
    attempts: int
    first_failed_at: datetime | None
    next_at: datetime | None
    is_held: bool


class Again(NamedTuple):
    """An event that is tried again."""

    number: int
    at: datetime
    reason: str


class GivenUp(NamedTuple):
    """An event that is tried no more."""

    number: int
    attempts: int
    reason: str


class Settled(NamedTuple):
    """What became of some requests, and how the sink stands since."""

    read_to: int
    failed_in_row: int
    failing_since: datetime | None
    not_before: datetime | None
    success_at: datetime | None
    failure_at: datetime | None
    failure: str | None
    stopped: str | None
    done: Sequence[int]
    again: Sequence[Again]
    given_up: Sequence[GivenUp]
    try_all: bool


async def take(connection: asyncpg.Connection, me: UUID, lease: timedelta, now: datetime, most: int) -> list[UUID]:
    """Subscriptions with something to post that are this process's from now on, and no other's."""
    return [row["subscription"] for row in await connection.fetch(_TAKE, me, lease, now, most)]


async def renew(connection: asyncpg.Connection, me: UUID, ids: Sequence[UUID], lease: timedelta) -> set[UUID]:
    """Those of these that are still this process's, and stay so for as long again."""
    return {row["subscription"] for row in await connection.fetch(_RENEW, me, ids, lease)}


async def release(
    connection: asyncpg.Connection, id: UUID, me: UUID, due_at: datetime, seen: int, not_before: datetime, changed: int
) -> bool:
    """Whether it is nobody's until then, or until it is given more; not where somebody changed it meanwhile."""
    return bool(await connection.fetchval(_RELEASE, id, me, due_at, seen, not_before, changed))


async def release_all(connection: asyncpg.Connection, me: UUID) -> None:
    """Others may take what this process had."""
    await connection.execute(_RELEASE_ALL, me)


async def state(connection: asyncpg.Connection, id: UUID, me: UUID) -> State | None:
    """How the sink stands; None where it is another's, or gone."""
    row = await connection.fetchrow(_STATE, id, me)
    return None if row is None else State(**row)


async def following(connection: asyncpg.Connection, id: UUID, after: int, to: int) -> list[Next]:
    """What is held back, and what was given with these numbers, in order."""
    rows = [*await connection.fetch(_HELD, id), *await connection.fetch(_AHEAD, id, after, to)]
    return sorted(Next(**row) for row in rows)


async def hold(connection: asyncpg.Connection, id: UUID, numbers: Sequence[int]) -> None:
    """These wait behind others that are held."""
    await connection.execute(_HOLD, id, numbers)


async def settle(connection: asyncpg.Connection, id: UUID, me: UUID, what: Settled, now: datetime) -> bool:
    """Whether it is written down; not where another process has the sink. Call within a transaction."""
    said = (what.success_at, what.failure_at, what.failure, what.stopped)
    stands = (what.read_to, what.failed_in_row, what.failing_since, what.not_before)
    if not await connection.fetchval(_SETTLE, id, me, *stands, *said):
        return False
    await connection.executemany(_AGAIN, [(id, each.number, now, each.at, each.reason) for each in what.again])
    await connection.executemany(_GIVE_UP, [(id, *each, now) for each in what.given_up])
    await connection.execute(_DONE, id, [*what.done, *(each.number for each in what.given_up)])
    if what.try_all:
        await connection.execute(_TRY_ALL, id, now)
    return True
