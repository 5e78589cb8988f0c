"""How much has flowed, and what is wrong with it: counts for whoever watches."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import asyncpg

# What was posted to sinks, less what is held back or was given up before the last that was read; and what readers have
# asked past.
_DELIVERED = """
select coalesce((select sum(w.acked_through - (select count(*) from webhook_retry h
            where h.subscription = w.subscription and h.number <= w.acked_through)
        - (select count(*) from webhook_dead_letter f
            where f.subscription = w.subscription and f.number <= w.acked_through))
    from webhook_sink w), 0)
    + coalesce((select sum(polled_through) from subscription_last_poll), 0)
"""
_PARKED_SINCE = """
select org, reason, count(*) as n from parked where state = 'parked' and parked_at >= $1
group by org, reason order by n desc, org collate "C" nulls first, reason
"""
_SINKS = """
select s.org, w.stop_reason is not null as stopped, count(distinct coalesce(r.parent_subscription, s.id)) as n
from webhook_sink w join subscription s on s.id = w.subscription left join replay r on r.subscription = s.id
where w.stop_reason is not null or (w.consecutive_failures > 0 and not s.is_paused)
group by 1, 2 order by 2 desc, 1
"""
_COUNT_GIVEN_UP = "select count(*) from webhook_dead_letter"


class ParkedLately(NamedTuple):
    """What one publisher has parked for one reason since then."""

    org: str | None
    reason: str
    n: int


class FailingSinks(NamedTuple):
    """Sinks of one organisation that take nothing."""

    org: str
    stopped: bool
    """They are posted to no more, until somebody resumes; else they are tried again."""
    n: int


async def count_delivered(connection: asyncpg.Connection) -> int:
    """Events that sinks took, and that readers have asked past."""
    return int(await connection.fetchval(_DELIVERED))


async def find_parked_since(connection: asyncpg.Connection, since: datetime) -> list[ParkedLately]:
    """What was parked since then and still is, the most first."""
    return [ParkedLately(*row.values()) for row in await connection.fetch(_PARKED_SINCE, since)]


async def find_failing_sinks(connection: asyncpg.Connection) -> list[FailingSinks]:
    """Sinks that take nothing, by organisation; those that were stopped first."""
    return [FailingSinks(*row.values()) for row in await connection.fetch(_SINKS)]


async def count_given_up(connection: asyncpg.Connection) -> int:
    """Events that are posted no more, until somebody redrives them."""
    return int(await connection.fetchval(_COUNT_GIVEN_UP))
