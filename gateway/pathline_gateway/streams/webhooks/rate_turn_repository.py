"""Turns of organisations at rate-limited sinks, for all processes together."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from pathline_gateway.postgres import shared_pace
from pathline_gateway.streams.webhooks.rate_turns import QueuePlace, SinkTurns

_INSERT_RATE_LIMIT = "insert into rate_limit (key_digest, next_allowed_at) values ($1, $2) on conflict do nothing"
_LOCK_RATE_LIMIT = "select next_allowed_at, turn from rate_limit where key_digest = $1 for update"
_PLACES = "select org, turn, waits_until from sink_turn where key_digest = $1 and (org = $2 or waits_until > $3)"
_WRITE = "update rate_limit set next_allowed_at = $2, turn = $3 where key_digest = $1"
_PLACE = """
insert into sink_turn (key_digest, org, turn, waits_until)
select $1, * from unnest($2::text[], $3::bigint[], $4::timestamptz[])
on conflict (key_digest, org) do update set turn = excluded.turn, waits_until = excluded.waits_until
"""


async def lock_turns(connection: asyncpg.Connection, url: str, org: str, now: datetime) -> SinkTurns:
    """How this organisation and those who wait stand at the sink; nobody else's turn comes before `save_turns` is
    committed.

    Call within a transaction that reads what others have committed.
    """
    pace_key = shared_pace.sink_key(url)
    await connection.execute(_INSERT_RATE_LIMIT, pace_key, now)
    next_allowed_at, turn = await connection.fetchrow(_LOCK_RATE_LIMIT, pace_key)
    places = {
        row["org"]: QueuePlace(row["turn"], row["waits_until"])
        for row in await connection.fetch(_PLACES, pace_key, org, now)
    }
    return SinkTurns(next_allowed_at, turn, places)


async def save_turns(connection: asyncpg.Connection, url: str, before: SinkTurns, after: SinkTurns) -> None:
    """The sink stands like this."""
    pace_key = shared_pace.sink_key(url)
    if (before.open_at, before.turn) != (after.open_at, after.turn):
        await connection.execute(_WRITE, pace_key, after.open_at, after.turn)
    changed = [(org, *place) for org, place in after.places.items() if before.places.get(org) != place]
    if changed:
        await connection.execute(_PLACE, pace_key, *map(list, zip(*changed, strict=True)))
