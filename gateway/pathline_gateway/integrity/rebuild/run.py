"""A rebuild from its first scan to its switch. Until the switch commits, nothing live has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

from pathline_gateway.identity import membership_repository
from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.amendments import Amendments
from pathline_gateway.integrity.rebuild.handoffs import HandoffProjection
from pathline_gateway.integrity.rebuild.membership import Membership
from pathline_gateway.integrity.rebuild.projection import Difference, Projection
from pathline_gateway.integrity.rebuild.shadow_schema import Stand
from pathline_gateway.integrity.rebuild.step_flags import Steps
from pathline_gateway.integrity.rebuild.totals import TotalsProjection
from pathline_gateway.postgres import change_log

PROJECTIONS: Final[Sequence[Projection]] = (
    Steps(),
    Amendments(),
    Membership(),
    HandoffProjection(),
    TotalsProjection(),
)

_FEW = 2_000
"""Changes that are caught up with while everybody waits."""
_ROUNDS = 20
"""Attempts to get within few changes of a gateway that goes on writing."""
_SWITCHES = 50
"""Attempts to switch: one is given up rather than make a writer wait for a writer that waits for it."""
_PAUSE_S = 0.1


class AnotherRebuild(Exception):
    """Somebody else rebuilds this database now."""

    reason = "another-rebuild"


class CannotSwitch(Exception):
    """Writers hold the rows that the switch must change."""

    reason = "cannot-switch"


async def rebuild(
    connection: asyncpg.Connection, projections: Sequence[Projection] = PROJECTIONS, *, dry_run: bool = False
) -> list[Difference]:
    """Every projection is what the interactions say, and what differed. A dry run only compares.

    On a connection of its own. Raises AnotherRebuild before, and CannotSwitch after, all that could go wrong.
    """
    if not await shadow_schema.claim(connection):
        raise AnotherRebuild("another rebuild runs on this database: wait for it")
    await shadow_schema.prepare(connection)
    try:
        stand = await _close(connection, projections, await _built(connection, projections))
        stand, found = await _compared(connection, projections, stand)
        if not dry_run:
            stand = await _close(connection, projections, stand)
            await _switched(connection, projections, stand)
        return found
    finally:
        await shadow_schema.clear(connection)


async def _built(connection: asyncpg.Connection, projections: Sequence[Projection]) -> Stand:
    async with connection.transaction(isolation="repeatable_read"):
        stand = await shadow_schema.stand(connection)
        for projection in projections:
            await projection.build(connection)
        return stand


async def _close(connection: asyncpg.Connection, projections: Sequence[Projection], stand: Stand) -> Stand:
    """The projections follow the live tables to within a few changes, if that can be."""
    for _ in range(_ROUNDS):
        before = stand
        async with connection.transaction(isolation="repeatable_read"):
            stand = await _caught_up(connection, projections, before)
        if stand.change - before.change < _FEW:
            break
    return stand


async def _caught_up(connection: asyncpg.Connection, projections: Sequence[Projection], since: Stand) -> Stand:
    to = await shadow_schema.stand(connection)
    changed = await shadow_schema.changed(connection, since, to)
    await shadow_schema.suspect(connection, changed)
    for projection in projections:
        await shadow_schema.suspect(connection, await projection.catch_up(connection, changed, since, to))
    return to


async def _compared(
    connection: asyncpg.Connection, projections: Sequence[Projection], since: Stand
) -> tuple[Stand, list[Difference]]:
    """What differs, at one snapshot that the projections have caught up with."""
    found = []
    async with connection.transaction(isolation="repeatable_read"):
        stand = await _caught_up(connection, projections, since)
        for projection in projections:
            difference, refs = await projection.digest(connection)
            await shadow_schema.suspect(connection, refs)
            found.append(difference)
    return stand, found


async def _switched(connection: asyncpg.Connection, projections: Sequence[Projection], stand: Stand) -> None:
    for _ in range(_SWITCHES):
        try:
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '10s'")
                await membership_repository.lock(connection)
                await change_log.lock(connection)
                # Whoever wrote a row and waits for the change log would wait for us: we let go first.
                await connection.execute("set local lock_timeout = '300ms'")
                await _caught_up(connection, projections, stand)
                for projection in projections:
                    await projection.switch(connection)
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(_PAUSE_S)
            stand = await _close(connection, projections, stand)
    raise CannotSwitch("writers hold what the switch must change; nothing was changed: try again when less is written")
