"""A rebuild from its first scan to its switch. Until the switch commits, nothing live has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

from pathline_gateway.identity import membership_repository
from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.amendments import AmendmentProjection
from pathline_gateway.integrity.rebuild.handoffs import HandoffProjection
from pathline_gateway.integrity.rebuild.membership import MembershipProjection
from pathline_gateway.integrity.rebuild.projection import Difference, Projection
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition
from pathline_gateway.integrity.rebuild.step_flags import StepFlagProjection
from pathline_gateway.integrity.rebuild.totals import TotalsProjection
from pathline_gateway.postgres import change_log

PROJECTIONS: Final[Sequence[Projection]] = (
    StepFlagProjection(),
    AmendmentProjection(),
    MembershipProjection(),
    HandoffProjection(),
    TotalsProjection(),
)

_MAX_LAG_AT_SWITCH = 2_000
"""Changes that are caught up with while everybody waits."""
_MAX_CATCH_UP_ROUNDS = 20
"""Attempts to get within few changes of a gateway that goes on writing."""
_MAX_SWITCH_ATTEMPTS = 50
"""Attempts to switch: one is given up rather than make a writer wait for a writer that waits for it."""
_RETRY_S = 0.1


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
    if not await shadow_schema.try_lock(connection):
        raise AnotherRebuild("another rebuild runs on this database: wait for it")
    await shadow_schema.prepare(connection)
    try:
        position = await _catch_up_closely(connection, projections, await _build_all(connection, projections))
        position, differences = await _find_differences(connection, projections, position)
        if not dry_run:
            position = await _catch_up_closely(connection, projections, position)
            await _switch_all(connection, projections, position)
        return differences
    finally:
        await shadow_schema.drop_schema(connection)


async def _build_all(connection: asyncpg.Connection, projections: Sequence[Projection]) -> RebuildPosition:
    async with connection.transaction(isolation="repeatable_read"):
        position = await shadow_schema.load_position(connection)
        for projection in projections:
            await projection.build(connection)
        return position


async def _catch_up_closely(
    connection: asyncpg.Connection, projections: Sequence[Projection], position: RebuildPosition
) -> RebuildPosition:
    """The projections follow the live tables to within a few changes, if that can be."""
    for _ in range(_MAX_CATCH_UP_ROUNDS):
        before = position
        async with connection.transaction(isolation="repeatable_read"):
            position = await _catch_up(connection, projections, before)
        if position.change_seq - before.change_seq < _MAX_LAG_AT_SWITCH:
            break
    return position


async def _catch_up(
    connection: asyncpg.Connection, projections: Sequence[Projection], since: RebuildPosition
) -> RebuildPosition:
    to = await shadow_schema.load_position(connection)
    changed_refs = await shadow_schema.changed_refs(connection, since, to)
    await shadow_schema.add_suspects(connection, changed_refs)
    for projection in projections:
        await shadow_schema.add_suspects(connection, await projection.catch_up(connection, changed_refs, since, to))
    return to


async def _find_differences(
    connection: asyncpg.Connection, projections: Sequence[Projection], since: RebuildPosition
) -> tuple[RebuildPosition, list[Difference]]:
    """What differs, at one snapshot that the projections have caught up with."""
    differences = []
    async with connection.transaction(isolation="repeatable_read"):
        position = await _catch_up(connection, projections, since)
        for projection in projections:
            difference, refs = await projection.find_differences(connection)
            await shadow_schema.add_suspects(connection, refs)
            differences.append(difference)
    return position, differences


async def _switch_all(
    connection: asyncpg.Connection, projections: Sequence[Projection], position: RebuildPosition
) -> None:
    for _ in range(_MAX_SWITCH_ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '10s'")
                await membership_repository.lock(connection)
                await change_log.lock(connection)
                # Whoever wrote a row and waits for the change log would wait for us: we let go first.
                await connection.execute("set local lock_timeout = '300ms'")
                await _catch_up(connection, projections, position)
                for projection in projections:
                    await projection.switch_over(connection)
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(_RETRY_S)
            position = await _catch_up_closely(connection, projections, position)
    raise CannotSwitch("writers hold what the switch must change; nothing was changed: try again when less is written")
