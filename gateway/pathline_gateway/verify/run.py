"""All checks, on one connection and at one instant of a database that may be at work."""

from __future__ import annotations

from typing import get_args

import asyncpg

from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.store import stored
from pathline_gateway.store.links import ReviewRow
from pathline_gateway.verify.bound import Bound, bound
from pathline_gateway.verify.check import Check, Name
from pathline_gateway.verify.events import events
from pathline_gateway.verify.handoffs import handoffs
from pathline_gateway.verify.pathways import pathways
from pathline_gateway.verify.totals import log, records, totals


async def verify(connection: asyncpg.Connection) -> list[Check]:
    """Every check, in order; nothing is changed, and nobody waits.

    Membership is compared up to the evidence that its writer has seen; what it has still to see is lag, no difference.
    What is set aside is told, and is none either.
    """
    async with stored.one_snapshot(connection):
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
            check.name_pathways(await stored.pathways_of(connection, check.refs))
    return list(checks.values())


async def _review(connection: asyncpg.Connection, recomputed: Bound, check: Check) -> None:
    missing = set(recomputed.waiting)
    async for row in stored.stream(connection, stored.REVIEW_ITEMS):
        item = ReviewRow(*row.values())
        check.see(item in recomputed.waiting, item.a)
        missing.discard(item)
    for item in missing:
        check.see(False, item.a)


async def _memberships(connection: asyncpg.Connection, recomputed: Bound, check: Check) -> None:
    missing = set(recomputed.pathway)
    async for row in stored.stream(connection, stored.OPEN_MEMBERSHIPS):
        check.see(recomputed.pathway.get(row["ref"]) == row["pathway"], row["ref"])
        missing.discard(row["ref"])
    for ref in sorted(missing):
        check.see(False, ref)
