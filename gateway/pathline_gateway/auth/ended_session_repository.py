"""Sessions that ended before their tokens expired."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import asyncpg

_END = """
insert into ended_session (token_digest, ended_at, expires_at) select unnest($1::bytea[]), $2, $3
on conflict (token_digest) do update set ended_at = greatest(ended_session.ended_at, excluded.ended_at),
    expires_at = greatest(ended_session.expires_at, excluded.expires_at)
"""
_READ = "select token_digest, ended_at from ended_session where expires_at > $1"
_DELETE_EXPIRED = "delete from ended_session where expires_at <= $1"


async def insert_ended(
    connection: asyncpg.Connection, keys: Collection[bytes], at: datetime, remember_until: datetime
) -> None:
    """These ended now; it is remembered so long."""
    await connection.execute(_END, sorted(keys), at, remember_until)


async def find_ended(connection: asyncpg.Connection, now: datetime) -> dict[bytes, datetime]:
    """When each ended that is still remembered."""
    return dict(await connection.fetch(_READ, now))


async def delete_expired(connection: asyncpg.Connection, now: datetime) -> None:
    """What no token can mean any more is forgotten."""
    await connection.execute(_DELETE_EXPIRED, now)
