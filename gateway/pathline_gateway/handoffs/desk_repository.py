"""Hand-offs by receiver or by sender, in pages: the lists of the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg
import orjson

from pathline_gateway.pathways.stored_form import open_payload

Side = Literal["receiver", "sender"]

# $1: the organisation; $2, $3: after which one; $4: how many; $5: others of whom something is concealed.
#
# A row tells how the hand-off stands for those who see everything. One that has ended may still be open for this
# organisation: what ended it is concealed. So those are looked at as well of which something may be: it says so itself,
# the other side conceals, or somebody who does had a part in it before it was passed on or cancelled.
_OPEN_HANDOFFS = """
select handoff, offered_at from (
    (select handoff, offered_at from handoff
    where {side} = $1 and ended_at is null and offered_at is not null and (offered_at, handoff) > ($2, $3)
    order by offered_at, handoff limit $4)
    union
    (select h.handoff, h.offered_at from handoff h
    where h.{side} = $1 and h.ended_at is not null and h.offered_at is not null
        and (h.is_concealed or h.redirect_count > 0 or h.ended_by = 'cancelled')
            and (h.offered_at, h.handoff) > ($2, $3)
        and (h.is_concealed or (cardinality($5::text[]) > 0 and exists (
            select from interaction i join subject_ref s on s.id = i.ref
            where i.handoff = h.handoff collate "default" and s.org = any($5::text[]))))
    order by h.offered_at, h.handoff limit $4)
    union
    (select h.handoff, h.offered_at from unnest($5::text[]) o(org) cross join lateral (
        select handoff, offered_at from handoff
        where {side} = $1 and {other} = o.org and ended_at is not null and (offered_at, handoff) > ($2, $3)
        order by offered_at, handoff limit $4
    ) h)
) found
order by offered_at, handoff limit $4
"""
# Those that have ended for those who see everything; and those open ones that may have ended for this organisation.
_ENDED_HANDOFFS = """
select handoff, offered_at from (
    (select handoff, offered_at from handoff
    where {side} = $1 and ended_at is not null and (offered_at, handoff) < ($2, $3)
    order by offered_at desc, handoff desc limit $4)
    union
    (select h.handoff, h.offered_at from handoff h
    where h.{side} = $1 and h.ended_at is null and h.offered_at is not null and (h.offered_at, h.handoff) < ($2, $3)
        and (h.is_concealed or h.{other} = any($5::text[]) or (h.redirect_count > 0 and exists (
            select from interaction i join subject_ref s on s.id = i.ref
            where i.handoff = h.handoff collate "default" and s.org = any($5::text[]))))
    order by h.offered_at desc, h.handoff desc limit $4)
    {passed_on}
) found
order by offered_at desc, handoff desc limit $4
"""
# Who declined and may not know that somebody else was asked then has not passed it on.
_PASSED_ON = """
    union
    (select h.handoff, h.offered_at from handoff h
    where h.redirect_count > 0 and h.receiver <> $1 and h.offered_at is not null
        and (h.offered_at, h.handoff) < ($2, $3)
        and (h.is_concealed or h.receiver = any($5::text[]) or (h.redirect_count > 1 and exists (
            select from interaction i join subject_ref s on s.id = i.ref
            where i.handoff = h.handoff collate "default" and s.org = any($5::text[]))))
        and exists (
            select from interaction i join subject_ref s on s.id = i.ref
            where i.handoff = h.handoff collate "default" and s.org = $1)
    order by h.offered_at desc, h.handoff desc limit $4)
"""
_LIST_STATEMENTS: Final[Mapping[tuple[Side, bool], str]] = {
    ("receiver", False): _OPEN_HANDOFFS.format(side="receiver", other="sender"),
    ("receiver", True): _ENDED_HANDOFFS.format(side="receiver", other="sender", passed_on=_PASSED_ON),
    ("sender", False): _OPEN_HANDOFFS.format(side="sender", other="receiver"),
    ("sender", True): _ENDED_HANDOFFS.format(side="sender", other="receiver", passed_on=""),
}
_MAX_SERVICES: Final = 50
"""Services that are offered to choose from."""
_ORGS_WITH_CONCEALMENT = """
select org from organisation where conceals and org <> $1
union select org from concealed_service where org <> $1
union select org from concealed_ref where org <> $1
"""
_CONTACTS = """
select i.handoff, i.time, t.type, s.org from interaction i
join event_type t on t.id = i.type
join subject_ref s on s.id = i.ref
where i.handoff = any($1::text[]) and s.org = $2
"""
_SERVICES = """
select distinct k.service, case when u.kind is null then u.payload end as payload
from (select id from subject_ref where org = $1 limit 300) r
cross join lateral (
    select i.kind, i.payload from interaction i where i.ref = r.id order by i.time desc limit 10
) u
left join step_kind k on k.id = u.kind
where k.service is not null or u.kind is null
"""


class HandoffCursor(NamedTuple):
    """Where a hand-off stands in a list."""

    offered: datetime
    handoff: str


async def list_handoffs(
    connection: asyncpg.Connection, side: Side, org: str, after: HandoffCursor, limit: int, *, ended: bool
) -> list[HandoffCursor]:
    """Hand-offs of which the organisation is this side: open ones, the first offered first; ended, the last first.

    It may return too many, and leaves none out: the caller drops those of which the organisation may not know.
    """
    concealing_orgs = [row["org"] for row in await connection.fetch(_ORGS_WITH_CONCEALMENT, org)]
    rows = await connection.fetch(
        _LIST_STATEMENTS[side, ended], org, after.offered, after.handoff, limit, concealing_orgs
    )
    return [HandoffCursor(row["offered_at"], row["handoff"]) for row in rows]


async def contacts(connection: asyncpg.Connection, handoffs: Sequence[str], org: str) -> list[asyncpg.Record]:
    """What this organisation published that names these hand-offs: handoff, time, type, org."""
    return list(await connection.fetch(_CONTACTS, handoffs, org))


async def services(connection: asyncpg.Connection, org: str) -> list[str]:
    """Codes of services that this organisation has named in what it published of some of its clients."""
    rows = await connection.fetch(_SERVICES, org)
    # Of what an earlier version stored only its data says it.
    named = {row["service"] or orjson.loads(open_payload(row["payload"]).data).get("service") for row in rows}
    return sorted(named - {None})[:_MAX_SERVICES]
