"""How many links each organisation proposed today: people look at each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import asyncpg

_TODAY = "select org, n from proposal_count where org = any($1::text[]) and day = (now() at time zone 'UTC')::date"
_ADD = """
insert into proposal_count as p (org, day, n)
select org, (now() at time zone 'UTC')::date, n from unnest($1::text[], $2::integer[]) as said(org, n)
on conflict (org) do update
set n = excluded.n + case when p.day = excluded.day then p.n else 0 end, day = excluded.day
"""
_LEFT_S = "select extract(epoch from date_trunc('day', now(), 'UTC') + interval '1 day' - now())"


async def today(connection: asyncpg.Connection, orgs: Collection[str]) -> dict[str, int]:
    """How many each of these proposed since midnight (UTC)."""
    return dict(await connection.fetch(_TODAY, list(orgs)))


async def add(connection: asyncpg.Connection, more: Mapping[str, int]) -> None:
    """Each of these proposed so many more."""
    said = sorted(more.items())
    await connection.execute(_ADD, [org for org, _ in said], [n for _, n in said])


async def left_of_today_s(connection: asyncpg.Connection) -> float:
    """How many seconds are left until all begins anew."""
    return float(await connection.fetchval(_LEFT_S))
