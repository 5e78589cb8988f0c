"""Up to which number the reader of a pull or a stream has events: she confirms it by asking for what follows.

What a sink has is in `webhooks/sink_repository.py`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

_RECORD = """
insert into subscription_last_poll (subscription, polled_through, polled_at)
select id, $2, $3 from subscription where id = $1
on conflict (subscription) do update set polled_through = excluded.polled_through, polled_at = excluded.polled_at
"""
_FIND = "select polled_through, polled_at from subscription_last_poll where subscription = $1"


async def record(connection: asyncpg.Connection, id: UUID, number: int, now: datetime) -> None:
    """Its reader has everything up to this number: she asked for what comes after."""
    await connection.execute(_RECORD, id, number, now)


async def find(connection: asyncpg.Connection, id: UUID) -> tuple[int, datetime] | None:
    """After which number its reader asked last, and when."""
    row = await connection.fetchrow(_FIND, id)
    return None if row is None else (row["polled_through"], row["polled_at"])
