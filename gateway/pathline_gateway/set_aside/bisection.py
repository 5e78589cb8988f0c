"""Finds the record at fault by halving: many are computed at once, and those that fail in ever smaller parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg

from pathline_gateway.background.faults import WorkFails, concerns_record

Item = TypeVar("Item")


async def fold_with_bisection(
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
    except Exception as error:
        if not concerns_record(error):
            raise
        if len(items) == 1:
            return {items[0]: error}
    middle = len(items) // 2
    first = await fold_with_bisection(connection, items[:middle], fold)
    return first | await fold_with_bisection(connection, items[middle:], fold)


async def fold_or_fail_work(
    connection: asyncpg.Connection,
    items: Sequence[Item],
    fold: Callable[[Sequence[Item]], Awaitable[None]],
    still_works: Callable[[], Awaitable[bool | None]],
) -> dict[Item, Exception]:
    """As `fold_with_bisection`. Where every item fails, `still_works` says whether what was well before is well now:
    see `any_foldable`.

    Raises WorkFails where it is not: then the work is at fault, and no item is.
    """
    failures = await fold_with_bisection(connection, items, fold)
    if failures and len(failures) == len(items) and await still_works() is False:
        raise WorkFails(next(iter(failures.values())))
    return failures


async def any_foldable(
    connection: asyncpg.Connection, items: Sequence[Item], fold: Callable[[Sequence[Item]], Awaitable[None]]
) -> bool | None:
    """Whether any of these can be folded; nothing of that is kept. None where there is none."""
    for item in items:
        if await _is_foldable(connection, item, fold):
            return True
    return False if items else None


async def _is_foldable(
    connection: asyncpg.Connection, item: Item, fold: Callable[[Sequence[Item]], Awaitable[None]]
) -> bool:
    try:
        async with connection.transaction():
            await fold([item])
            raise _NothingIsKept
    except _NothingIsKept:
        return True
    except Exception as error:
        if not concerns_record(error):
            raise
        return False


class _NothingIsKept(Exception):
    """Ends the savepoint of a trial."""
