"""SQL of the upgrade: what earlier versions stored, some pages at a time, and how far it has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg


class UpgradeProgress(NamedTuple):
    """How much of a partition is rendered."""

    partition: str
    next_page: int
    pages: int


class EarlierStep(NamedTuple):
    """A step that an earlier version stored, and where it lies."""

    partition: str
    place: tuple[int, int]
    source_number: int
    source: str
    id: str
    type_number: int
    type: str
    time: datetime
    sequence: str | None
    handoff: str | None
    payload: bytes

    @property
    def key(self) -> str:
        """By what it is found again."""
        return f"{self.source_number}:{self.id}"


class RenderedStep(NamedTuple):
    """Where a step lies, and how this version stores it."""

    place: tuple[int, int]
    kind: int
    is_access_deciding: bool
    payload: bytes


_CLAIM = """
select partition, next_page, pages from interaction_upgrade where ended_at is null
order by partition desc limit 1 for update skip locked
"""
_ADVANCE = """
update interaction_upgrade set next_page = $2, rendered = rendered + $3 where partition = $1
"""
_PAGES = "select pg_relation_size($1::regclass) / current_setting('block_size')::bigint"
_RESTART = "update interaction_upgrade set next_page = 0, pages = $2 where partition = $1"
_END = "update interaction_upgrade set ended_at = now() where partition = $1"
_ON_PAGES = "select $1, e.* from earlier_interactions($1, $2, $3) e"
_ANY_LEFT = """
select exists (
    select from earlier_interactions($1, 0, $2) e
    where not exists (select from set_aside a where a.work = $3 and a.key = e.source_number || ':' || e.id)
)
"""
_BY_KEY = """
select i.tableoid::regclass::text, i.ctid, i.source, s.source, i.id, i.type, t.type, i.time, i.sequence, i.handoff,
    i.payload
from unnest($1::int[], $2::text[]) as k(source, id)
join event_identity e on e.source = k.source and e.id = k.id
join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
join source s on s.id = i.source
join event_type t on t.id = i.type
where i.kind is null
"""
_STORE = "select store_rendered($1, $2::tid[], $3::int[], $4::boolean[], $5::bytea[])"


async def claim(connection: asyncpg.Connection) -> UpgradeProgress | None:
    """A partition that is not done, the newest first; nobody else goes on with it until this transaction ends."""
    row = await connection.fetchrow(_CLAIM)
    return None if row is None else UpgradeProgress(*row)


async def load_pages(connection: asyncpg.Connection, progress: UpgradeProgress, count: int) -> list[EarlierStep]:
    """What an earlier version stored on the next pages."""
    rows = await connection.fetch(_ON_PAGES, progress.partition, progress.next_page, progress.next_page + count)
    return [EarlierStep(*row) for row in rows]


async def load_by_key(connection: asyncpg.Connection, keys: Collection[str]) -> list[EarlierStep]:
    """Those of these that are still as an earlier version stored them."""
    parts = [key.split(":", 1) for key in keys]
    rows = await connection.fetch(_BY_KEY, [int(source) for source, _ in parts], [id for _, id in parts])
    return [EarlierStep(*row) for row in rows]


async def store(connection: asyncpg.Connection, partition: str, steps: Sequence[RenderedStep]) -> None:
    """These steps of a partition are stored as this version stores them."""
    await connection.execute(_STORE, partition, *map(list, zip(*steps, strict=True)))


async def advance(connection: asyncpg.Connection, progress: UpgradeProgress, count: int, rendered: int) -> None:
    """So many pages more are done."""
    await connection.execute(_ADVANCE, progress.partition, progress.next_page + count, rendered)


async def end_or_restart(connection: asyncpg.Connection, progress: UpgradeProgress, work: str) -> bool:
    """Whether nothing is left of the partition but what is set aside. Else it is gone over again: rows were moved."""
    pages = int(await connection.fetchval(_PAGES, progress.partition))
    if await connection.fetchval(_ANY_LEFT, progress.partition, pages, work):
        await connection.execute(_RESTART, progress.partition, pages)
        return False
    await connection.execute(_END, progress.partition)
    return True
