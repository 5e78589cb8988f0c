"""The deliveries of sinks in Postgres: what is to be posted next, and the results of attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.streams.subscriptions.repository import Numbered
from pathline_gateway.streams.webhooks.delivery_rows import (
    PendingEvent,
    SettlementRows,
    SinkState,
)

_STATE = """
select w.subscription, w.url, w.max_requests_per_minute, w.acked_through, w.not_before, w.consecutive_failures,
    w.failing_since, w.revision, s.is_paused or w.stop_reason is not null as idle, s.last_number,
    (select count(*) from webhook_dead_letter f where f.subscription = w.subscription) + w.pruned_undelivered as failed,
    coalesce((select p.next_allowed_at from rate_limit p
              where w.max_requests_per_minute is not null
                  and p.key_digest = sha256(convert_to('sink ' || w.url, 'UTF8'))),
             'epoch') as paced_until
from webhook_sink w join subscription s on s.id = w.subscription
where w.subscription = any($1::uuid[]) and w.leased_by = $2
"""
# By primary key: windows are short, and few events are held.
_WINDOW = """
select w.subscription, w.number, g.delivered_at, g.pathway as ordering_key, 0 as attempts,
    null as first_failed_at, null as next_attempt_at, false as is_held
from unnest($1::uuid[], $2::bigint[]) as w(subscription, number)
cross join lateral delivery_with_pathway_at(w.subscription, w.number) g
where not exists (select from webhook_retry h where h.subscription = w.subscription and h.number = w.number)
    and not exists (select from webhook_dead_letter f where f.subscription = w.subscription and f.number = w.number)
"""
_ORDERING_KEYS = """
select w.subscription, w.number, g.pathway
from unnest($1::uuid[], $2::bigint[]) as w(subscription, number)
cross join lateral delivery_with_pathway_at(w.subscription, w.number) g
"""
_HELD = """
select h.subscription, h.number, g.delivered_at, g.pathway as ordering_key, h.attempts,
    h.first_failed_at, h.next_attempt_at, true as is_held
from webhook_retry h cross join lateral delivery_with_pathway_at(h.subscription, h.number) g
where h.subscription = any($1::uuid[])
"""
_HOLD = """
insert into webhook_retry (subscription, number, next_attempt_at)
select subscription, number, 'epoch' from unnest($1::uuid[], $2::bigint[]) as w(subscription, number)
on conflict do nothing
"""
# Whatever writes several sinks locks them by id, so that nobody waits for somebody who waits for them.
_SETTLE = """
with ours as (
    select subscription from webhook_sink where leased_by = $1 and subscription = any($2::uuid[])
    order by subscription for update
)
update webhook_sink w set acked_through = greatest(w.acked_through, said.acked_through),
    consecutive_failures = said.consecutive_failures, failing_since = said.failing_since,
    not_before = greatest(w.not_before, said.not_before),
    last_success_at = coalesce(said.success_at, w.last_success_at),
    last_failure_at = coalesce(said.failure_at, w.last_failure_at),
    last_failure = coalesce(said.failure, w.last_failure), stop_reason = coalesce(said.stop_reason, w.stop_reason)
from ours join unnest($2::uuid[], $3::bigint[], $4::integer[], $5::timestamptz[], $6::timestamptz[],
    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[]) as said(subscription, acked_through,
    consecutive_failures, failing_since, not_before, success_at, failure_at, failure,
    stop_reason) using (subscription)
where w.subscription = ours.subscription
returning w.subscription
"""
_DELETE_HELD = """
delete from webhook_retry h using unnest($1::uuid[], $2::bigint[]) as done(subscription, number)
where h.subscription = done.subscription and h.number = done.number
"""
_RETRY = """
insert into webhook_retry (subscription, number, attempts, first_failed_at, next_attempt_at, reason)
values ($1, $2, 1, $3, $4, $5)
on conflict (subscription, number) do update
set attempts = webhook_retry.attempts + 1, next_attempt_at = excluded.next_attempt_at, reason = excluded.reason,
    first_failed_at = coalesce(webhook_retry.first_failed_at, excluded.first_failed_at)
"""
_DEAD_LETTER = """
insert into webhook_dead_letter (subscription, number, attempts, reason, failed_at) values ($1, $2, $3, $4, $5)
on conflict do nothing
"""
_RETRY_ALL = (
    "update webhook_retry set next_attempt_at = least(next_attempt_at, $2) where subscription = any($1::uuid[])"
)


async def fetch_states(connection: asyncpg.Connection, ids: Sequence[UUID], holder_id: UUID) -> dict[UUID, SinkState]:
    """How these sinks stand; without those that are another's, or gone."""
    return {id: SinkState(*columns) for id, *columns in await connection.fetch(_STATE, ids, holder_id)}


async def fetch_pending(
    connection: asyncpg.Connection, windows: Mapping[UUID, tuple[int, int]]
) -> dict[UUID, list[PendingEvent]]:
    """The held deliveries of each, and its deliveries after a number up to another, in order."""
    numbers = [(id, number) for id, (after, to) in windows.items() for number in range(after + 1, to + 1)]
    rows = [
        *await connection.fetch(_HELD, list(windows)),
        *await connection.fetch(_WINDOW, *_columns(numbers)),
    ]
    pending: dict[UUID, list[PendingEvent]] = {id: [] for id in windows}
    for id, *columns in rows:
        pending[id].append(PendingEvent(*columns))
    return {id: sorted(events) for id, events in pending.items()}


async def fetch_ordering_keys(
    connection: asyncpg.Connection, numbers: Sequence[Numbered]
) -> dict[UUID, dict[int, UUID | None]]:
    """The pathway that each of these events is on now."""
    ordering_keys: dict[UUID, dict[int, UUID | None]] = {}
    for id, number, ordering_key in await connection.fetch(_ORDERING_KEYS, *_columns(numbers)) if numbers else ():
        ordering_keys.setdefault(id, {})[number] = ordering_key
    return ordering_keys


async def hold(connection: asyncpg.Connection, numbers: Sequence[Numbered]) -> None:
    """These wait behind others that are held."""
    if numbers:
        await connection.execute(_HOLD, *_columns(numbers))


async def settle(
    connection: asyncpg.Connection, holder_id: UUID, settlements: Mapping[UUID, SettlementRows], now: datetime
) -> set[UUID]:
    """Those of which it is written down; not where another process has the sink. Call within a transaction."""
    parameters = [(id, *settlement[:8]) for id, settlement in settlements.items()]
    rows = await connection.fetch(_SETTLE, holder_id, *map(list, zip(*parameters, strict=True)))
    leased = {row["subscription"]: settlements[row["subscription"]] for row in rows}
    retries = [(id, each.number, now, each.at, each.reason) for id, what in leased.items() for each in what.retries]
    dead_letters = [(id, *each, now) for id, what in leased.items() for each in what.dead_letters]
    delivered = [(id, number) for id, what in leased.items() for number in what.delivered]
    if retries:
        await connection.executemany(_RETRY, retries)
    if dead_letters:
        await connection.executemany(_DEAD_LETTER, dead_letters)
    await connection.execute(_DELETE_HELD, *_columns([*delivered, *((id, number) for id, number, *_ in dead_letters)]))
    if retried_ids := [id for id, what in leased.items() if what.retry_all]:
        await connection.execute(_RETRY_ALL, retried_ids, now)
    return set(leased)


def _columns(numbers: Sequence[Numbered]) -> tuple[list[UUID], list[int]]:
    return [id for id, _ in numbers], [number for _, number in numbers]
