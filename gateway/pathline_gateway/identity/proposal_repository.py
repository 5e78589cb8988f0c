"""How many links each organisation proposed today: people look at each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import asyncpg

_COUNTS_TODAY = (
    "select org, proposals from proposal_count where org = any($1::text[]) and day = (now() at time zone 'UTC')::date"
)
_INCREMENT = """
insert into proposal_count as p (org, day, proposals)
select org, (now() at time zone 'UTC')::date, n from unnest($1::text[], $2::integer[]) as said(org, n)
on conflict (org) do update
set proposals = excluded.proposals + case when p.day = excluded.day then p.proposals else 0 end, day = excluded.day
"""
_SECONDS_TO_MIDNIGHT = "select extract(epoch from date_trunc('day', now(), 'UTC') + interval '1 day' - now())"


async def proposal_counts_today(connection: asyncpg.Connection, orgs: Collection[str]) -> dict[str, int]:
    """How many each of these proposed since midnight (UTC)."""
    return dict(await connection.fetch(_COUNTS_TODAY, list(orgs)))


async def add_proposals(connection: asyncpg.Connection, added: Mapping[str, int]) -> None:
    """Each of these proposed so many more."""
    counts = sorted(added.items())
    await connection.execute(_INCREMENT, [org for org, _ in counts], [n for _, n in counts])


async def seconds_to_midnight(connection: asyncpg.Connection) -> float:
    """How many seconds are left until all begins anew."""
    return float(await connection.fetchval(_SECONDS_TO_MIDNIGHT))
