"""SQL of who lives and who leads what. Each statement is a transaction: a process that is stopped holds none of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

_REGISTER = """
insert into gateway_process (session, is_candidate, alive_until) values ($1, $2, clock_timestamp() + $3) returning id
"""
_RENEW = "update gateway_process set alive_until = clock_timestamp() + $2 where id = $1 returning id"
_LEAVE = "delete from gateway_process where id = $1"
# A process that was stopped in a transaction holds its locks as long as its connections last. So these are ended, too.
_BURY = """
with dead as (
    delete from gateway_process where id in (
        select id from gateway_process where alive_until < clock_timestamp() and id <> $1 for update skip locked
    ) returning id, session
), ended as (
    select pg_terminate_backend(a.pid) from dead d join pg_stat_activity a
        on a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
        and right(a.application_name, length(d.session)) = d.session
)
select (select count(*) from dead) as dead, (select count(*) from ended) as ended
"""
_ADD_WORKS = "insert into work_lease (work) select unnest($1::text[]) on conflict do nothing"
_CANDIDATES = "select count(*) from gateway_process where is_candidate"
_LED = "select work, term from work_lease where process = $1"
_TAKE = """
update work_lease set process = $1, term = term + 1, since = clock_timestamp()
where work in (
    select work from work_lease where process is null and work = any($2::text[]) order by work limit $3
    for update skip locked
) returning work
"""
_GIVE_UP = "update work_lease set process = null where process = $1 and work = any($2::text[])"
_CONFIRM = "select count(*) from work_lease where process = $1 and work = any($2::text[])"
_ALL = "select work, process, term, since from work_lease order by work"


class Lease(NamedTuple):
    """A work, and the process that leads it."""

    work: str
    process: int | None
    """Its number; None for the moment in which nobody leads it."""
    term: int
    """How often the work was taken."""
    since: datetime


async def register(connection: asyncpg.Connection, session: str, lifetime: timedelta, *, candidate: bool) -> int:
    """The number of this process from now on; `candidate`: it can lead works."""
    return int(await connection.fetchval(_REGISTER, session, candidate, lifetime))


async def renew(connection: asyncpg.Connection, process: int, lifetime: timedelta) -> bool:
    """Whether it is alive still; not where others have taken it for dead."""
    return await connection.fetchval(_RENEW, process, lifetime) is not None


async def leave(connection: asyncpg.Connection, process: int) -> None:
    """It ends: whatever it leads may be taken at once."""
    await connection.execute(_LEAVE, process)


async def bury_dead(connection: asyncpg.Connection, process: int) -> tuple[int, int]:
    """How many others were not heard of any more and lead nothing now, and how many of their connections were ended."""
    row = await connection.fetchrow(_BURY, process)
    return int(row["dead"]), int(row["ended"])


async def add_works(connection: asyncpg.Connection, works: Sequence[str]) -> None:
    """These can be led."""
    await connection.execute(_ADD_WORKS, works)


async def count_candidates(connection: asyncpg.Connection) -> int:
    """How many processes can lead works."""
    return int(await connection.fetchval(_CANDIDATES))


async def led_works(connection: asyncpg.Connection, process: int) -> dict[str, int]:
    """The works that this process leads, each with its term."""
    return {row["work"]: row["term"] for row in await connection.fetch(_LED, process)}


async def take(connection: asyncpg.Connection, process: int, works: Sequence[str], limit: int) -> list[str]:
    """So many at most of these works that nobody led are led by this process."""
    return [row["work"] for row in await connection.fetch(_TAKE, process, works, limit)]


async def give_up(connection: asyncpg.Connection, process: int, works: Sequence[str]) -> None:
    """Others may lead these."""
    await connection.execute(_GIVE_UP, process, works)


async def leads(connection: asyncpg.Connection, process: int, works: Sequence[str]) -> bool:
    """Whether this process leads all of these, as this transaction sees it."""
    return int(await connection.fetchval(_CONFIRM, process, works)) == len(works)


async def list_leases(connection: asyncpg.Connection) -> list[Lease]:
    """All works that are led by one process at a time."""
    return [Lease(*row) for row in await connection.fetch(_ALL)]
