"""Hand-offs for measures, without those that nobody but its own side may know of; and what was answered on a day."""

from __future__ import annotations

from datetime import date, datetime

import asyncpg
import orjson

from pathline_gateway.measure.handoffs import Handoff

# A receiver that is not on the register is not observable: it has no part in any of this.
_HANDOFFS = """
select sender, receiver, offered, accepted, first_contact, first_service, heard, ended,
    coalesce(ended_by = 'completed', false) as completed
from open_handoff
where observable and offered <= $3 and ($1::text is null or sender = $1) and ($2::text is null or receiver = $2)
order by sender, receiver, handoff
"""
_UNOBSERVABLE = """
select count(*) from open_handoff
where not observable and offered is not null and ($1::text is null or sender = $1)
    and ($2::text is null or receiver = $2)
"""
_KEPT = "select answer from measure_snapshot where day = $1 and asked = $2"
_KEEP = """
insert into measure_snapshot (day, asked, answer) values ($1, $2, $3) on conflict (day, asked) do nothing
"""
_FORGET = "delete from measure_snapshot where day < $1"


async def handoffs(
    connection: asyncpg.Connection, sender: str | None, receiver: str | None, until: datetime
) -> list[Handoff]:
    """Those that were offered by then between these organisations; None: any."""
    return [Handoff(*row.values()) for row in await connection.fetch(_HANDOFFS, sender, receiver, until)]


async def unobservable(connection: asyncpg.Connection, sender: str | None, receiver: str | None) -> int:
    """How many went to somebody who is not on the register."""
    return int(await connection.fetchval(_UNOBSERVABLE, sender, receiver))


async def snapshot(connection: asyncpg.Connection, day: date, asked: str) -> dict[str, object] | None:
    """What was answered on that day; None where nobody asked yet."""
    found = await connection.fetchval(_KEPT, day, asked)
    return None if found is None else dict(orjson.loads(found))


async def keep(connection: asyncpg.Connection, day: date, asked: str, answer: dict[str, object]) -> None:
    """This is answered all day, unless something is already."""
    await connection.execute(_FORGET, day)
    await connection.execute(_KEEP, day, asked, orjson.dumps(answer).decode())
