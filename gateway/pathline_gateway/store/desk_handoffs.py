"""Hand-offs by who is asked and by who asks: the desk's lists."""

from __future__ import annotations

import asyncpg

_ASKED = (
    "select handoff from handoff where receiver = $1 and offered is not null order by offered desc, handoff limit $2"
)
_MADE = "select handoff from handoff where sender = $1 and offered is not null order by offered desc, handoff limit $2"
_CONTACTS = """
select i.handoff, i.time, t.type, s.org from interaction i
join event_type t on t.id = i.type
join subject_ref s on s.id = i.ref
where i.handoff = any($1::text[]) and s.org = $2
"""
_SERVICES = """
select distinct u.service from (select id from subject_ref where org = $1 limit 300) r
join lateral (
    select i.service from interaction i where i.ref = r.id and i.service is not null order by i.time desc limit 10
) u on true
order by u.service limit 50
"""


async def offered_to(connection: asyncpg.Connection, org: str, limit: int) -> list[str]:
    """The hand-offs that this organisation is asked about, latest first."""
    return [row["handoff"] for row in await connection.fetch(_ASKED, org, limit)]


async def offered_by(connection: asyncpg.Connection, org: str, limit: int) -> list[str]:
    """The hand-offs that bear this organisation's name, latest first."""
    return [row["handoff"] for row in await connection.fetch(_MADE, org, limit)]


async def contacts(connection: asyncpg.Connection, handoffs: list[str], org: str) -> list[asyncpg.Record]:
    """What this organisation published that names these hand-offs: handoff, time, type, org."""
    return list(await connection.fetch(_CONTACTS, handoffs, org))


async def services(connection: asyncpg.Connection, org: str) -> list[str]:
    """Codes of services that this organisation has named in what it published of some of its clients."""
    return [row["service"] for row in await connection.fetch(_SERVICES, org)]
