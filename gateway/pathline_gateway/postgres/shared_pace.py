"""How often something may happen, for all processes together: each time moves the next a little further."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import asyncpg

_CLAIM = """
insert into rate_limit as r (key_digest, next_allowed_at) values ($1, $2::timestamptz + $4)
on conflict (key_digest) do update set next_allowed_at = greatest(r.next_allowed_at, $2) + $4
where r.next_allowed_at <= $2 + $3
returning next_allowed_at
"""
_NEXT = "select next_allowed_at from rate_limit where key_digest = $1"
_FORGET = "delete from rate_limit where next_allowed_at < $1::timestamptz - interval '1 day'"


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
    next_allowed_at: datetime = await connection.fetchval(_NEXT, key)
    return max(timedelta(), next_allowed_at - ahead - now)


async def forget(connection: asyncpg.Connection, now: datetime) -> None:
    """Deletes paces that nobody used for a day."""
    await connection.execute(_FORGET, now)
