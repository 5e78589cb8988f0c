"""SQL of what is set aside: put there, due to be tried again, released."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.background.faults import error_reason

VERSION: Final = version("pathline-gateway")

# The longer it fails, the more seldom it is tried: half a minute, a minute … a day.
_UPSERT = """
insert into set_aside (work, kind, key, reason, retry_at, version, change_seq)
select $1, $2, k.key, k.reason, now() + interval '30 seconds', $3, $6
from unnest($4::text[], $5::text[]) as k(key, reason)
on conflict (work, key) do update set reason = excluded.reason, last_tried_at = now(), version = excluded.version,
    attempts = set_aside.attempts + 1,
    retry_at = now() + least(interval '30 seconds' * power(2, least(set_aside.attempts, 12)), interval '1 day')
returning id, key
"""
_INSERT_REFS = """
insert into set_aside_ref (set_aside_id, ref) select * from unnest($1::bigint[], $2::bigint[]) on conflict do nothing
"""
_RELEASE = "delete from set_aside where work = $1 and key = any($2::text[])"
_FIND_KEYS = "select key from set_aside where work = $1 and key = any($2::text[])"
_DUE = "select key from set_aside where work = $1 and retry_at <= now() order by retry_at limit $2"
_MOVE = "update set_aside set change_seq = $2, retry_at = now() where id = $1"
_KEYS = "select key from set_aside where work = $1 and kind = $2"
_HAS_ANY = "select exists (select from set_aside where work = $1)"
_COUNTS = """
select work, count(*) as records, min(first_seen_at) as since,
    (array_agg(reason order by last_tried_at desc, id))[1] as reason
from set_aside group by work order by work
"""
_PAGE = """
select id, work, kind, key, reason, first_seen_at, last_tried_at, retry_at, attempts, version, change_seq,
    (select count(*) from set_aside_ref r where r.set_aside_id = set_aside.id) as refs
from set_aside where ($1::text is null or work = $1) and id > $2 order by id limit $3
"""
_FIND = """
select id, work, kind, key, reason, first_seen_at, last_tried_at, retry_at, attempts, version, change_seq,
    (select count(*) from set_aside_ref r where r.set_aside_id = set_aside.id) as refs
from set_aside where id = $1
"""
_DUE_ITEMS = """
select id, work, kind, key, reason, first_seen_at, last_tried_at, retry_at, attempts, version, change_seq, 0 as refs
from set_aside where work = $1 and kind = $2 and retry_at <= now() order by retry_at limit $3
"""
# What is due already is not touched: somebody may be trying it, and asking again would undo what she comes to.
_MAKE_DUE = """
with chosen as (
    select id, retry_at from set_aside
    where ($1::text is null or work = $1) and ($2::bigint[] is null or id = any($2::bigint[]))
), woken as (
    update set_aside set retry_at = now()
    where id in (select id from chosen where retry_at > now()) and retry_at > now()
)
select count(*) from chosen
"""
_MAKE_OTHER_VERSIONS_DUE = "update set_aside set retry_at = now() where version <> $1 returning id"
# Whoever is on a pathway with one of them by now; $1: or with one of which something is held that is to be given first.
_CLOSED_REFS = """
with closed as (select ref from set_aside_ref union select ref from dispatch_held where $1)
select ref from closed
union
select o.ref from closed c
join membership m on m.ref = c.ref and m.valid_until is null
join membership o on o.pathway = m.pathway and o.valid_until is null
"""


class SetAside(NamedTuple):
    """One thing that a work cannot compute."""

    id: int
    work: str
    kind: str
    key: str
    """In the work's own terms. It may be a publisher's word: shown to who has the database, and to nobody else."""
    reason: str
    first_seen: datetime
    last_tried: datetime
    retry_at: datetime
    attempts: int
    version: str
    position: int | None
    refs: int
    """How many refs are closed by it."""


class SetAsideCount(NamedTuple):
    """What one work has set aside."""

    work: str
    records: int
    since: datetime
    reason: str


async def put(
    connection: asyncpg.Connection,
    work: str,
    kind: str,
    failures: Mapping[str, Exception],
    refs: Mapping[str, Collection[int]] | None = None,
    position: int | None = None,
) -> None:
    """These (by key) are set aside, once more perhaps; `refs`: of which pathways that decides who may see them."""
    if not failures:
        return
    reasons = [error_reason(each) for each in failures.values()]
    rows = await connection.fetch(_UPSERT, work, kind, VERSION, list(failures), reasons, position)
    closed_rows = [(row["id"], ref) for row in rows for ref in (refs or {}).get(row["key"], ())]
    if closed_rows:
        await connection.execute(_INSERT_REFS, *map(list, zip(*closed_rows, strict=True)))


async def release(connection: asyncpg.Connection, work: str, keys: Iterable[str]) -> None:
    """These are computed: they are set aside no longer."""
    if computed_keys := list(keys):
        await connection.execute(_RELEASE, work, computed_keys)


async def find_set_aside(connection: asyncpg.Connection, work: str, keys: Collection[str]) -> set[str]:
    """Those of these that are set aside."""
    if not keys or not await connection.fetchval(_HAS_ANY, work):
        return set()
    return {row["key"] for row in await connection.fetch(_FIND_KEYS, work, list(keys))}


async def due(connection: asyncpg.Connection, work: str, limit: int = 20) -> list[str]:
    """Some that are to be tried again now."""
    return [row["key"] for row in await connection.fetch(_DUE, work, limit)]


async def due_items(connection: asyncpg.Connection, work: str, kind: str, limit: int = 5) -> list[SetAside]:
    """The same of one kind, with all that is kept of them."""
    return [SetAside(*row.values()) for row in await connection.fetch(_DUE_ITEMS, work, kind, limit)]


async def keys(connection: asyncpg.Connection, work: str, kind: str) -> set[str]:
    """All of one kind that a work has set aside."""
    return {row["key"] for row in await connection.fetch(_KEYS, work, kind)}


async def move(connection: asyncpg.Connection, id: int, position: int) -> None:
    """What it is owed begins after this entry, and is gone on with at once."""
    await connection.execute(_MOVE, id, position)


async def counts(connection: asyncpg.Connection) -> list[SetAsideCount]:
    """How much each work has set aside."""
    return [SetAsideCount(*row.values()) for row in await connection.fetch(_COUNTS)]


async def page(connection: asyncpg.Connection, work: str | None, after: int, limit: int) -> list[SetAside]:
    """The next, in the order in which they were set aside."""
    return [SetAside(*row.values()) for row in await connection.fetch(_PAGE, work, after, limit)]


async def find(connection: asyncpg.Connection, id: int) -> SetAside | None:
    """This one, where it still is."""
    row = await connection.fetchrow(_FIND, id)
    return None if row is None else SetAside(*row.values())


async def make_due(connection: asyncpg.Connection, work: str | None = None, ids: Sequence[int] | None = None) -> int:
    """These are due now: the work that set them aside tries them at its next turn. How many they are."""
    return int(await connection.fetchval(_MAKE_DUE, work, ids))


async def make_other_versions_due(connection: asyncpg.Connection) -> int:
    """What another version could not compute is due now; how many that is."""
    return len(await connection.fetch(_MAKE_OTHER_VERSIONS_DUE, VERSION))


async def closed_refs(connection: asyncpg.Connection, *, or_held: bool = False) -> list[int]:
    """Every ref that is on such a pathway now; `or_held`: or on one of which something held is still to be given."""
    return [row["ref"] for row in await connection.fetch(_CLOSED_REFS, or_held)]
