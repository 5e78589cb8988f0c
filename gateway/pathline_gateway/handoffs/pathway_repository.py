"""The hand-offs that a page of a long pathway needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from pathline_gateway.pathways.repository import PathwayMembers

_HANDOFFS_BETWEEN = """
select handoff from handoff
where offer_ref = any($1::bigint[]) and sender = any($2::text[]) and receiver = any($3::text[])
    and handoff <> all($4::text[])
"""
# One look for each, along the index of the receiver's refs, from the instant on; corrected contacts come apart.
_FIRST_CONTACTS = """
select w.org, c.time, w.handoff
from unnest($1::text[], $2::timestamptz[], $3::text[]) as w(org, since, handoff)
join unnest($4::bigint[], $5::text[]) as r(ref, org) on r.org = w.org
cross join lateral (
    select i.time from interaction i
    where i.ref = r.ref and i.time >= w.since and i.handoff is not distinct from w.handoff
        and i.type = any($6::smallint[]) and ($7::timestamptz is null or i.received_at <= $7)
        and not exists (select from amendment a where a.target_source = i.source and a.target_id = i.id)
    order by i.time limit 1
) c
"""
_TYPE_NUMBERS = "select id from event_type where type = any($1::text[])"


async def handoffs_between(
    connection: asyncpg.Connection,
    refs: Sequence[int],
    senders: Collection[str],
    receivers: Collection[str],
    excluded: Collection[str],
) -> list[str]:
    """Hand-offs that were offered under these refs by one of these to one of those."""
    rows = await connection.fetch(_HANDOFFS_BETWEEN, refs, list(senders), list(receivers), list(excluded))
    return [row["handoff"] for row in rows]


async def first_contacts(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    requests: Sequence[tuple[str, datetime, str | None]],
    types: Collection[str],
    received_by: datetime | None = None,
) -> list[tuple[str, datetime, str | None]]:
    """For each (an organisation, since when, which hand-off it names) its first step of these types: when that was."""
    if not requests:
        return []
    type_numbers = [row["id"] for row in await connection.fetch(_TYPE_NUMBERS, list(types))]
    orgs = [org for org, _ in members.refs]
    columns = map(list, zip(*requests, strict=True))
    rows = await connection.fetch(_FIRST_CONTACTS, *columns, members.numbers, orgs, type_numbers, received_by)
    return [(row["org"], row["time"], row["handoff"]) for row in rows]
