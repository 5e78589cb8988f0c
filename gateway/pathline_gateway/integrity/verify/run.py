"""All checks, on one connection and at one instant of a database that may be at work."""

from __future__ import annotations

from typing import get_args

import asyncpg

from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.handoff_links import handoffs
from pathline_gateway.integrity.verify.membership_recompute import RecomputedMembership, bound
from pathline_gateway.integrity.verify.pathways import pathways
from pathline_gateway.integrity.verify.stored_events import events
from pathline_gateway.integrity.verify.totals import log, records, totals
from pathline_gateway.set_aside import repository as set_aside


async def verify(connection: asyncpg.Connection) -> list[Check]:
    """Every check, in order; nothing is changed, and nobody waits.

    Membership is compared up to the evidence that its writer has seen; what it has still to see is lag, no difference.
    What is set aside is told, and is none either.
    """
    async with scans.one_snapshot(connection):
        closed = frozenset(await set_aside.closed_refs(connection))
        checks: dict[Name, Check] = {name: Check(name, closed=closed) for name in get_args(Name)}
        await events(connection, checks)
        recomputed = await bound(connection, closed)
        await _memberships(connection, recomputed, checks["membership"])
        await handoffs(connection, checks["handoffs"])
        await _review(connection, recomputed, checks["review"])
        counted = await pathways(connection, recomputed, checks)
        await totals(connection, counted, checks["totals"])
        await log(connection, checks["changes"])
        await records(connection, checks)
        for check in checks.values():
            check.name_pathways(await scans.pathways_of(connection, check.refs))
    return list(checks.values())


async def _review(connection: asyncpg.Connection, recomputed: RecomputedMembership, check: Check) -> None:
    missing = set(recomputed.waiting)
    async for row in scans.stream(connection, scans.REVIEW_ITEMS):
        item = ReviewRow(*row.values())
        check.see(item in recomputed.waiting, item.a)
        missing.discard(item)
    for item in missing:
        check.see(False, item.a)


async def _memberships(connection: asyncpg.Connection, recomputed: RecomputedMembership, check: Check) -> None:
    missing = set(recomputed.pathway)
    async for row in scans.stream(connection, scans.OPEN_MEMBERSHIPS):
        check.see(recomputed.pathway.get(row["ref"]) == row["pathway"], row["ref"])
        missing.discard(row["ref"])
    for ref in sorted(missing):
        check.see(False, ref)
