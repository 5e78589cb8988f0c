"""A token that was shown too late waits for a person, whoever of the two is looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from pathline_gateway.handoffs.event_repository import HandoffLinkRow
from pathline_gateway.identity.membership_writer import _update_memberships

ITEMS = "select source, id, ref_a, ref_b, reason from review_item"
ORG = "insert into organisation (org, registered_by) values ($1, 'operator') on conflict do nothing"
REF = "insert into subject_ref (org, subject, has_steps) values ($1, $2, true) returning id"


async def ref(connection: asyncpg.Connection, org: str, n: int) -> int:
    await connection.execute(ORG, org)
    return int(await connection.fetchval(REF, org, f"v1.{n:021d}A"))


async def test_an_item_waits_on_when_either_side_is_looked_at_again(connection: asyncpg.Connection) -> None:
    offered, shown = await ref(connection, "east", 1), await ref(connection, "west", 2)
    source = await connection.fetchval(
        "insert into source (source, org) values ('urn:pathline:west:a', 'west') returning id"
    )
    late = HandoffLinkRow("east:1", source, "accepted", offered, shown, datetime(2026, 3, 2, tzinfo=UTC), True)
    await connection.copy_records_to_table("handoff_link", records=[late], columns=HandoffLinkRow._fields)
    for touched in (offered, shown, offered, shown):
        await _update_memberships(connection, {touched})
        assert [tuple(row) for row in await connection.fetch(ITEMS)] == [
            (source, "accepted", offered, shown, "proposed")
        ]
