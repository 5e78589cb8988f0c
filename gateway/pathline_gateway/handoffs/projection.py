"""Keeps the table of hand-offs up to date from the change log, in one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from pathline_gateway.background.leadership import Confirm, confirmed
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs import side_repository
from pathline_gateway.handoffs.event_reader import load_handoffs
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.handoffs.side_notices import refresh_sides
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import any_foldable, fold_or_fail_work, fold_with_bisection

WORK: Final = "hand-offs"
_BATCH_SIZE: Final = 2_000
"""Entries of the change log that are looked at in one transaction."""


async def project_next_batch(pool: asyncpg.Pool, confirm: Confirm = confirmed) -> bool:
    """Whether anything was new, and looked at in one transaction; a hand-off that cannot be computed is set aside.

    `confirm`: whether no other process leads this.
    """
    async with pool.acquire() as connection, connection.transaction():
        await handoff_repository.lock(connection)
        if not await confirm(connection):
            return False
        retries = {
            *await set_aside.due(connection, WORK),
            *await side_repository.dequeue_recomputations(connection, _BATCH_SIZE),
        }
        end_seq = await handoff_repository.batch_end(connection, _BATCH_SIZE)
        if end_seq is None and not retries:
            return False
        if (
            affected := retries
            if end_seq is None
            else retries | await handoff_repository.affected_handoffs(connection, end_seq)
        ):
            await _project_or_set_aside(connection, affected)
        if end_seq is not None:
            await handoff_repository.advance_checkpoint(connection, end_seq)
    return True


async def _project_or_set_aside(connection: asyncpg.Connection, handoffs: Collection[str]) -> None:
    """These are kept as they stand; those that cannot be computed as they stood, known to their own sides alone."""

    async def project(handoff_ids: Sequence[str]) -> None:
        loaded = await load_handoffs(connection, handoff_ids)
        await handoff_repository.replace_rows(connection, handoff_ids, loaded.records)
        await refresh_sides(connection, handoff_ids, loaded)

    async def is_healthy() -> bool | None:
        return await any_foldable(connection, await handoff_repository.sample_good_handoffs(connection, WORK), project)

    set_aside_before = await set_aside.find_set_aside(connection, WORK, handoffs)
    failed = await fold_or_fail_work(connection, sorted(set(handoffs) - set_aside_before), project, is_healthy)
    # Each by itself: what failed before would make all others be computed twice.
    for handoff in sorted(set_aside_before):
        failed |= await fold_with_bisection(connection, [handoff], project)
    await set_aside.release(connection, WORK, set_aside_before - failed.keys())
    if failed:
        await set_aside.put(connection, WORK, "hand-off", failed)
        await handoff_repository.mark_concealed(connection, failed)


async def compute_rows(connection: asyncpg.Connection, handoffs: Collection[str]) -> Sequence[HandoffRow]:
    """These hand-offs as they stand; one of which nothing legal or illegal is left is none."""
    return (await load_handoffs(connection, handoffs)).records
