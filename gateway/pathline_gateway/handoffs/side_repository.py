"""Concealed hand-offs by side, and which of them must be computed again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from pathline_gateway.handoffs.open_stages import OpenStages

# All by primary key, or by the unique index of notices, which begins with the hand-off.
_EXISTING_SIDES = "select handoff, org from handoff_side where handoff = any($1::text[])"
_UPSERT_SIDES = """
insert into handoff_side as s (handoff, org, sender, receiver, offer_ref, accept_due_at, contact_due_at,
    accept_answered_at, contact_answered_at, accept_due_known_at, contact_due_known_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
    $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
on conflict (handoff, org) do update set sender = excluded.sender, receiver = excluded.receiver,
    offer_ref = excluded.offer_ref, accept_due_at = excluded.accept_due_at, contact_due_at = excluded.contact_due_at,
    accept_answered_at = excluded.accept_answered_at, contact_answered_at = excluded.contact_answered_at,
    accept_due_known_at = excluded.accept_due_known_at, contact_due_known_at = excluded.contact_due_known_at
returning s.handoff, s.org, s.xmax = 0 as is_new
"""
# What was told to everybody was told to this side, too, as long as nothing was concealed from anybody. No subscription
# was given the copies.
_COPY_NOTICES = """
insert into handoff_notice (id, kind, handoff, stage, due_at, sender, receiver, offer_ref, answered_at, raised_at,
    is_open, audience)
select md5(n.id || ' ' || w.org), n.kind, n.handoff, n.stage, n.due_at, n.sender, n.receiver, n.offer_ref,
    n.answered_at, n.raised_at, n.is_open, w.org
from unnest($1::text[], $2::text[]) as w(handoff, org)
join handoff_notice n on n.handoff = w.handoff and n.audience = '' and w.org in (n.sender, n.receiver)
on conflict do nothing
"""
_DEQUEUE_RECOMPUTATIONS = """
delete from handoff_side_pending where handoff in (select handoff from handoff_side_pending order by handoff limit $1)
returning handoff
"""


async def existing_sides(connection: asyncpg.Connection, handoffs: Collection[str]) -> dict[str, set[str]]:
    """Of these, the sides that are told of each by what they may know."""
    orgs_by_handoff: dict[str, set[str]] = {}
    for row in await connection.fetch(_EXISTING_SIDES, list(handoffs)):
        orgs_by_handoff.setdefault(row["handoff"], set()).add(row["org"])
    return orgs_by_handoff


async def upsert_sides(connection: asyncpg.Connection, views: Sequence[OpenStages]) -> None:
    """This is what these sides may know; what they were told until now counts for each that is new."""
    rows = await connection.fetch(_UPSERT_SIDES, *map(list, zip(*views, strict=True)))
    new = [row for row in rows if row["is_new"]]
    if new:
        await connection.execute(_COPY_NOTICES, [row["handoff"] for row in new], [row["org"] for row in new])


async def dequeue_recomputations(connection: asyncpg.Connection, limit: int) -> list[str]:
    """Some that have to be judged again; they count as judged."""
    return [row["handoff"] for row in await connection.fetch(_DEQUEUE_RECOMPUTATIONS, limit)]
