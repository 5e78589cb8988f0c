"""Finds the record at fault by halving: many are computed at once, and those that fail in ever smaller parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg

from pathline_gateway.background.faults import WorkFails, concerns_record

Item = TypeVar("Item")


async def in_parts(
    connection: asyncpg.Connection, items: Sequence[Item], fold: Callable[[Sequence[Item]], Awaitable[None]]
) -> dict[Item, Exception]:
    """The items that cannot be folded, and why; what was folded for all others stays.

    Each part has a savepoint of its own: call within a transaction. Raises what is no fault of an item.
    """
    if not items:
        return {}
    try:
        async with connection.transaction():
            await fold(items)
        return {}
    except Exception as failed:
        if not concerns_record(failed):
            raise
        if len(items) == 1:
            return {items[0]: failed}
    middle = len(items) // 2
    first = await in_parts(connection, items[:middle], fold)
    return first | await in_parts(connection, items[middle:], fold)


async def at_fault(
    connection: asyncpg.Connection,
    items: Sequence[Item],
    fold: Callable[[Sequence[Item]], Awaitable[None]],
    is_well: Callable[[], Awaitable[bool | None]],
) -> dict[Item, Exception]:
    """As `in_parts`. Where every item fails, `is_well` says whether what was well before is well now: see `still_well`.

    Raises WorkFails where it is not: then the work is at fault, and no item is.
    """
    failed = await in_parts(connection, items, fold)
    if failed and len(failed) == len(items) and await is_well() is False:
        raise WorkFails(next(iter(failed.values())))
    return failed


async def still_well(
    connection: asyncpg.Connection, items: Sequence[Item], fold: Callable[[Sequence[Item]], Awaitable[None]]
) -> bool | None:
    """Whether any of these can be folded; nothing of that is kept. None where there is none."""
    for item in items:
        if await _folds(connection, item, fold):
            return True
    return False if items else None


async def _folds(connection: asyncpg.Connection, item: Item, fold: Callable[[Sequence[Item]], Awaitable[None]]) -> bool:
    try:
        async with connection.transaction():
            await fold([item])
            raise _NothingIsKept
    except _NothingIsKept:
        return True
    except Exception as failed:
        if not concerns_record(failed):
            raise
        return False


class _NothingIsKept(Exception):
    """Ends the savepoint of a trial."""
