"""Hand-offs by who is asked and by who asks, found among the events: the desk's lists."""

from __future__ import annotations

import asyncpg
import orjson

_ASKED = ("org.pathline.handoff.offered.v1", "org.pathline.handoff.redirected.v1")

_LOOKED_AT = 5_000
"""Offers, counted from the last, among which to look."""

# Who is asked stands in the data alone; offers are few beside all else, and the partial index on hand-offs holds them.
_LATEST = """
select i.handoff, i.payload from interaction i join event_type t on t.id = i.type
where i.handoff is not null and t.type = any($1::text[])
order by i.time desc, i.handoff limit $2
"""
_MADE = """
select i.handoff, max(i.time) as latest from interaction i
where i.handoff is not null and split_part(i.handoff, ':', 1) = $1
group by i.handoff order by latest desc, i.handoff limit $2
"""
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


async def offered_to(connection: asyncpg.Connection, org: str) -> list[str]:
    """The hand-offs that this organisation was asked about at some time, latest first."""
    rows = await connection.fetch(_LATEST, _ASKED, _LOOKED_AT)
    asked = (row["handoff"] for row in rows if _to(row["payload"]) == org)
    return list(dict.fromkeys(asked))


async def offered_by(connection: asyncpg.Connection, org: str, limit: int) -> list[str]:
    """The hand-offs that bear this organisation's name, latest first."""
    return [row["handoff"] for row in await connection.fetch(_MADE, org, limit)]


async def contacts(connection: asyncpg.Connection, handoffs: list[str], org: str) -> list[asyncpg.Record]:
    """What this organisation published that names these hand-offs: handoff, time, type, org."""
    return list(await connection.fetch(_CONTACTS, handoffs, org))


async def services(connection: asyncpg.Connection, org: str) -> list[str]:
    """Codes of services that this organisation has named in what it published of some of its clients."""
    return [row["service"] for row in await connection.fetch(_SERVICES, org)]


def _to(payload: bytes) -> str | None:
    said = orjson.loads(payload.split(b"\n", 1)[1]).get("to")
    return said.get("org") if isinstance(said, dict) else None
