"""Subscriptions, and the events that each was given.

A replay has a row of `subscription`, too: the table `replay` says of which one it is a further series.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.streams.subscriptions.shards import shard_of

_SELECT = """
select id, org, is_operator, protocol, purpose, authority, filters, is_paused, created_at, start_seq, last_number,
    replay.parent_subscription as replay_of, coalesce(replay.series, 1) as series, pruned_through, payload
from subscription left join replay on replay.subscription = subscription.id
"""
_MAKE = """
insert into subscription (org, is_operator, protocol, purpose, authority, filters, payload, start_seq)
values ($1, $2, $3, $4, $5, $6, $7, (select coalesce(max(seq), 0) from change_log))
returning id
"""
_ONE = _SELECT + "where id = $1 and ($2::text is null or org = $2)"
_LISTED = _SELECT + "where replay is null and ($1::text is null or org = $1) and id > $2 order by id limit $3"
_WHERE_CHANGED = """
where replay is null and changed_in_version > $1 and shard = any($4::smallint[]) and id > $2 order by id limit $3
"""
_CHANGED = _SELECT + _WHERE_CHANGED
_IDS = """
select id from subscription
where shard = any($1::smallint[]) and not exists (select from replay where replay.subscription = subscription.id)
"""
_SERIES = _SELECT + "where replay.parent_subscription = $1 and replay.series = $2"
# With all series of it.
_CHANGE = """
update subscription set purpose = $2, authority = $3, filters = $4, payload = $5
where id = $1 or id in (select subscription from replay where parent_subscription = $1)
"""
_PAUSE = """
update subscription set is_paused = $2
where id = $1 or id in (select subscription from replay where parent_subscription = $1)
"""
_FORGET = (
    "delete from subscription where id = $1 or id in (select subscription from replay where parent_subscription = $1)"
)
# Batch by batch, whatever the planner thinks of how many there are (`offset 0`): a batch is never far from its others.
# With all that is told of an event: who waits for it is told at once, and need not read it again.
_OF_PAGE = """
with page as materialized (
    select ref, batch, min(seq) as seq from change_log where seq > $1 and seq <= $2 and kind = 'interaction'
    group by 1, 2
)"""
_OF_ENTRIES = """
with page as materialized (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as p(ref, batch, seq)
)"""
_STORED = """, stored as materialized (
    select i.* from (select distinct batch from page) b
    cross join lateral (select * from interaction i where i.batch = b.batch offset 0) i
)
select p.seq, i.batch, i.ref, i.source as source_number, src.source, i.id, t.type, s.org, s.subject, s.anchor_id,
    i.time, i.sequence, i.payload, s.pathway,
    not exists (
        select from membership o join subject_ref other on other.id = o.ref
        where o.pathway = s.pathway and o.valid_until is null and o.ref <> s.ref and other.org = s.org
    ) as only_one
from stored i
join page p on p.ref = i.ref and p.batch = i.batch
join source src on src.id = i.source
join event_type t on t.id = i.type
join ref_pathway s on s.ref = i.ref
order by p.seq, i.time, src.source, i.id
"""
_EVENTS = _OF_PAGE + _STORED
# What filters and visibility ask for. Where nobody waits, nothing is told now, and most of an event is not read.
_OUTLINED = """, stored as materialized (
    select i.* from (select distinct batch from page) b
    cross join lateral (select * from interaction i where i.batch = b.batch offset 0) i
)
select p.seq, i.batch, i.ref, i.source as source_number, src.source, i.id, t.type, s.org, s.subject, i.payload,
    s.pathway
from stored i
join page p on p.ref = i.ref and p.batch = i.batch
join source src on src.id = i.source
join event_type t on t.id = i.type
join ref_pathway s on s.ref = i.ref
order by p.seq, i.time, src.source, i.id
"""
_OUTLINES = _OF_PAGE + _OUTLINED
_EVENTS_OF = _OF_ENTRIES + _STORED
_SEVERAL = _SELECT + "where id = any($1::uuid[])"
_LAST_NUMBERS = "select id, last_number from subscription where id = any($1::uuid[]) and not is_paused"
_EVENT = """
select i.received_at, i.ref, src.source, t.type,
    s.org, s.subject, i.payload, s.pathway,
    (select change_seq from dispatch_progress where shard = $3) >= (select coalesce(max(seq), 0) from change_log)
        and not exists (select from dispatch_held h where h.shard = $3 and h.ref = i.ref and h.batch = i.batch)
        as all_looked_at
from source src
join event_identity k on k.source = src.id and k.id = $2
join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
join event_type t on t.id = i.type
join ref_pathway s on s.ref = i.ref
where src.source = $1
"""


Numbered = tuple[UUID, int]
"""A subscription, and the running number of an event that it was given."""


class Subscription(NamedTuple):
    """One subscription."""

    id: UUID
    org: str
    is_operator: bool
    protocol: str
    purpose: str
    authority: str | None
    filters: Sequence[Any]
    is_paused: bool
    created_at: datetime
    start_seq: int
    last_number: int
    replay_of: UUID | None = None
    """Whose further series this is."""
    series: int = 1
    pruned_through: int = 0
    """What it was given up to this number is kept no more."""
    payload: str = "full"
    """How much of an event it is sent: `full`, `thin` or `none`."""

    @property
    def root(self) -> UUID:
        """The subscription that its owner made, of which this may be a further series."""
        return self.replay_of or self.id

    @property
    def prefix(self) -> str:
        """What cursors of this series begin with."""
        return "" if self.series == 1 else f"s{self.series}"

    def effective(self, auth_disabled: bool) -> Subscription:
        """As it is honoured: what was made while auth was off is its organisation's alone once auth is on."""
        return self._replace(is_operator=self.is_operator and auth_disabled)


async def create(
    connection: asyncpg.Connection,
    org: str,
    operator: bool,
    protocol: str,
    purpose: str,
    authority: str | None,
    filters: Sequence[Any],
    payload: str = "full",
) -> UUID:
    """A subscription to whatever is committed from now on."""
    filters_json = orjson.dumps(list(filters)).decode()
    created_id: UUID = await connection.fetchval(
        _MAKE, org, operator, protocol, purpose, authority, filters_json, payload
    )
    return created_id


async def find(connection: asyncpg.Connection, id: UUID, org: str | None) -> Subscription | None:
    """This subscription, where it is this organisation's; None: anybody's."""
    row = await connection.fetchrow(_ONE, id, org)
    return None if row is None else _subscription(row)


async def find_series(connection: asyncpg.Connection, subscription_id: UUID, n: int) -> Subscription | None:
    """The further series of this subscription that has this number."""
    row = await connection.fetchrow(_SERIES, subscription_id, n)
    return None if row is None else _subscription(row)


async def find_many(connection: asyncpg.Connection, ids: Collection[UUID]) -> dict[UUID, Subscription]:
    """Those of these that there are."""
    return {row["id"]: _subscription(row) for row in await connection.fetch(_SEVERAL, list(ids))}


async def list_page(connection: asyncpg.Connection, org: str | None, after: UUID, limit: int) -> list[Subscription]:
    """The next subscriptions of this organisation, or of anybody, by id."""
    return [_subscription(row) for row in await connection.fetch(_LISTED, org, after, limit)]


async def update(
    connection: asyncpg.Connection, id: UUID, purpose: str, authority: str | None, filters: Sequence[Any], payload: str
) -> None:
    """It wants this from now on."""
    await connection.execute(_CHANGE, id, purpose, authority, orjson.dumps(list(filters)).decode(), payload)


async def set_paused(connection: asyncpg.Connection, id: UUID, paused: bool) -> None:
    """Nothing is delivered until it is resumed; its events wait."""
    await connection.execute(_PAUSE, id, paused)


async def delete(connection: asyncpg.Connection, id: UUID) -> None:
    """There is no such subscription, and nothing of what it was given."""
    await connection.execute(_FORGET, id)


async def fetch_last_numbers(connection: asyncpg.Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many events each of these was given; of those that are not paused."""
    rows = await connection.fetch(_LAST_NUMBERS, ids)
    return {row["id"]: row["last_number"] for row in rows}


async def fetch_version(connection: asyncpg.Connection) -> int:
    """Another whenever anybody wants something else: a subscription is new, changed, paused or gone."""
    version: int = await connection.fetchval("select version from subscription_version")
    return version


async def list_changed(
    connection: asyncpg.Connection, shards: Collection[int], since: int, after: UUID, limit: int
) -> list[Subscription]:
    """The next of those of these shards, by id, that are new or want something else since this version."""
    return [_subscription(row) for row in await connection.fetch(_CHANGED, since, after, limit, list(shards))]


async def list_ids(connection: asyncpg.Connection, shards: Collection[int]) -> set[UUID]:
    """All of these shards."""
    return {row["id"] for row in await connection.fetch(_IDS, list(shards))}


async def fetch_events(connection: asyncpg.Connection, begin: int, end: int) -> list[asyncpg.Record]:
    """The interactions of these entries, in commit order."""
    return list(await connection.fetch(_EVENTS, begin, end))


async def fetch_outlines(connection: asyncpg.Connection, begin: int, end: int) -> list[asyncpg.Record]:
    """The same, of each what is needed to select its recipients."""
    return list(await connection.fetch(_OUTLINES, begin, end))


async def fetch_events_of(
    connection: asyncpg.Connection, entries: Sequence[tuple[int, int, int]]
) -> list[asyncpg.Record]:
    """The same of these entries (ref, batch, seq)."""
    return list(await connection.fetch(_EVENTS_OF, *map(list, zip(*entries, strict=True)))) if entries else []


async def find_event(connection: asyncpg.Connection, subscription: UUID, source: str, id: str) -> asyncpg.Record | None:
    """What a stored interaction says of itself, when it came, and whether the whole log was looked at since for this
    subscription."""
    row: asyncpg.Record | None = await connection.fetchrow(_EVENT, source, id, shard_of(subscription))
    return row


def _subscription(row: asyncpg.Record) -> Subscription:
    # By place, and not by name: a thousand of them are read at a time. The filters are the seventh.
    return Subscription._make((*row[:6], orjson.loads(row[6]), *row[7:]))
