"""How often something may happen, for all processes together: each time moves the next a little further."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import asyncpg

_CLAIM = """
insert into pace as p (what, next_at) values ($1, $2::timestamptz + $4)
on conflict (what) do update set next_at = greatest(p.next_at, $2) + $4 where p.next_at <= $2 + $3
returning next_at
"""
_NEXT = "select next_at from pace where what = $1"
_FORGET = "delete from pace where next_at < $1::timestamptz - interval '1 day'"


def sink_key(url: str) -> bytes:
    """The pace of all requests to this sink, whoever they are from."""
    return hashlib.sha256(b"sink " + url.encode()).digest()


def canary_key(org: str) -> bytes:
    """The pace of the canaries of this organisation."""
    return hashlib.sha256(b"canaries of " + org.encode()).digest()


async def claim(
    connection: asyncpg.Connection, key: bytes, now: datetime, spacing: timedelta, ahead: timedelta
) -> timedelta | None:
    """None: it may happen now, and once more after `spacing`; else in how long it may, at the soonest.

    `ahead`: how much of what comes later may be taken now, by one that did nothing for a while.
    """
    if await connection.fetchval(_CLAIM, key, now, ahead, spacing) is not None:
        return None
    next_at: datetime = await connection.fetchval(_NEXT, key)
    return max(timedelta(), next_at - ahead - now)


async def forget(connection: asyncpg.Connection, now: datetime) -> None:
    """What nobody did for a day is nobody's pace."""
    await connection.execute(_FORGET, now)
