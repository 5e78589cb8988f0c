"""Counts open offers: between two organisations, and under one record."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.pathways.subject_repository import Key

Pair = tuple[str, str]
"""Who offers, and who is asked."""

# No more are counted than matter.
_COUNT_BETWEEN = """
select p.sender, p.receiver, (
    select count(*) from (
        select from handoff h where h.sender = p.sender and h.receiver = p.receiver
            and h.offered_at is not null and h.ended_at is null limit $3
    ) as found
) as n
from unnest($1::text[], $2::text[]) as p(sender, receiver)
"""
_COUNT_UNDER_REF = """
select r.org, r.subject, (
    select count(*) from (
        select from handoff h where h.offer_ref = s.id and h.sender = r.org and h.offered_at is not null
            and h.ended_at is null
        limit $3
    ) as found
) as n
from unnest($1::text[], $2::text[]) as r(org, subject) join subject_ref s using (org, subject)
"""
_EXISTING = "select handoff from handoff where handoff = any($1::text[])"


async def count_open_between(
    connection: asyncpg.Connection, pairs: Collection[Pair], max_count: int
) -> dict[Pair, int]:
    """How many are open between each of these two; no more than `max_count` are counted."""
    rows = await connection.fetch(
        _COUNT_BETWEEN, [sender for sender, _ in pairs], [receiver for _, receiver in pairs], max_count
    )
    return {(row["sender"], row["receiver"]): row["n"] for row in rows}


async def count_open_under_ref(connection: asyncpg.Connection, refs: Collection[Key], max_count: int) -> dict[Key, int]:
    """How many that its organisation offered are open under each of these refs; no more than `max_count` are
    counted.
    """
    rows = await connection.fetch(
        _COUNT_UNDER_REF, [org for org, _ in refs], [subject for _, subject in refs], max_count
    )
    return {(row["org"], row["subject"]): row["n"] for row in rows}


async def existing_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> set[str]:
    """Those of these hand-offs that something is known of already."""
    return {row["handoff"] for row in await connection.fetch(_EXISTING, list(handoffs))}
