"""All checks, on one connection and at one instant of a database that may be at work."""

from __future__ import annotations

from typing import get_args

import asyncpg

from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.handoff_links import check_handoff_links
from pathline_gateway.integrity.verify.membership_recompute import RecomputedMembership, recompute_membership
from pathline_gateway.integrity.verify.pathways import check_pathways
from pathline_gateway.integrity.verify.stored_events import check_stored_events
from pathline_gateway.integrity.verify.totals import check_change_log, check_positions_and_parked, check_totals
from pathline_gateway.set_aside import repository as set_aside


async def verify_all(connection: asyncpg.Connection) -> list[Check]:
    """Every check, in order; nothing is changed, and nobody waits.

    Membership is compared up to the evidence that its writer has seen; what it has still to see is lag, no difference.
    What is set aside is told, and is none either.
    """
    async with scans.repeatable_read(connection):
        closed_refs = frozenset(await set_aside.closed_refs(connection))
        checks: dict[Name, Check] = {name: Check(name, closed_refs=closed_refs) for name in get_args(Name)}
        await check_stored_events(connection, checks)
        recomputed = await recompute_membership(connection, closed_refs)
        await _check_memberships(connection, recomputed, checks["membership"])
        await check_handoff_links(connection, checks["handoffs"])
        await _check_review_items(connection, recomputed, checks["review"])
        counts = await check_pathways(connection, recomputed, checks)
        await check_totals(connection, counts, checks["totals"])
        await check_change_log(connection, checks["changes"])
        await check_positions_and_parked(connection, checks)
        for check in checks.values():
            check.add_pathways(await scans.pathways_of(connection, check.refs))
    return list(checks.values())


async def _check_review_items(connection: asyncpg.Connection, recomputed: RecomputedMembership, check: Check) -> None:
    missing = set(recomputed.review_rows)
    async for row in scans.stream(connection, scans.REVIEW_ITEMS):
        item = ReviewRow(*row.values())
        check.record(item in recomputed.review_rows, item.ref_a)
        missing.discard(item)
    for item in missing:
        check.record(False, item.ref_a)


async def _check_memberships(connection: asyncpg.Connection, recomputed: RecomputedMembership, check: Check) -> None:
    missing = set(recomputed.pathway_by_ref)
    async for row in scans.stream(connection, scans.OPEN_MEMBERSHIPS):
        check.record(recomputed.pathway_by_ref.get(row["ref"]) == row["pathway"], row["ref"])
        missing.discard(row["ref"])
    for ref in sorted(missing):
        check.record(False, ref)
