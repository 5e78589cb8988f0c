"""Selects recipients pathway by pathway: a pathway or a filter at fault is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.background.isolation import at_fault, still_well
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions.filter_attributes import as_sent, to_others
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice

WORK: Final = "dispatch"
_LOOKED_AT: Final = 5
"""Pathways that were given once, and are folded again to tell what is at fault."""

Recipients = list[tuple[Subscription, asyncpg.Record]]


class Isolated(NamedTuple):
    """What could be computed of a page."""

    wanted: Recipients
    looked_to: int | None
    """As `wanted_of` says it."""
    pathways: set[UUID]
    """Those at fault; nothing of them is wanted by anybody."""
    filters: dict[UUID, Exception]
    """Subscriptions whose filters cannot be asked; they are looked up no more, and want nothing here."""


async def isolated(
    connection: asyncpg.Connection,
    index: SubscriptionIndex,
    now: datetime,
    rows: Sequence[asyncpg.Record],
    before: Sequence[asyncpg.Record] = (),
    most: int | None = None,
) -> Isolated:
    """Who wants these events; each pathway that cannot be computed is set aside. Call within a transaction.

    `before`: events that were given once. Where every pathway fails and those do, too, no pathway is at fault: raises
    WorkFails.
    """
    known, then = _by_pathway(rows), _by_pathway(before)
    filters: dict[UUID, Exception] = {}

    async def fold(some: Sequence[UUID]) -> None:
        chosen = {**then, **known}
        await select_recipients(
            index, VisibilityCache(connection, now), [row for pathway in some for row in chosen[pathway]]
        )

    async def is_well() -> bool | None:
        return await still_well(connection, _of_several(before, rows), fold)

    failed = await at_fault(connection, list(known), fold, is_well)
    while culprits := await _filters_at_fault(index, [row for pathway in failed for row in known[pathway]]):
        filters |= culprits
        for id in culprits:
            index.drop(id)
        failed = await at_fault(connection, list(known), fold, is_well)
    for pathway, why in failed.items():
        await closed(connection, WORK, pathway, why)
    fit = [row for row in rows if row["pathway"] not in failed]
    wanted, looked_to = await select_recipients(index, VisibilityCache(connection, now), fit, most)
    return Isolated(wanted, looked_to, set(failed), filters)


async def closed(connection: asyncpg.Connection, work: str, pathway: UUID, why: Exception) -> None:
    """Nothing of this pathway is told to anybody but its own organisations, until it can be computed."""
    key = f"pathway:{pathway}"
    await set_aside.put(
        connection, work, "pathway", {key: why}, {key: await held_repository.refs_of(connection, pathway)}
    )


async def _filters_at_fault(index: SubscriptionIndex, rows: Sequence[asyncpg.Record]) -> dict[UUID, Exception]:
    """Subscriptions that cannot be asked about these events, where what the events say can be told."""
    found: dict[UUID, Exception] = {}
    slice = TimeSlice()
    for row in rows:
        try:
            as_sent(row), to_others(row)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            continue
        for each in index.all():
            if each.id in found:
                continue
            try:
                async for _ in SubscriptionIndex([each]).wanting(row, slice):
                    pass
            except Exception as failed:
                if not concerns_record(failed):
                    raise
                found[each.id] = failed
    return found


def _of_several(before: Sequence[asyncpg.Record], rows: Sequence[asyncpg.Record]) -> list[UUID]:
    """A pathway of each of a few other organisations, the last first: what one of them publishes may all fail."""
    orgs, known = {row["org"] for row in rows}, {row["pathway"] for row in rows}
    found: dict[str, UUID] = {}
    for row in reversed(before):
        if row["org"] not in orgs and row["pathway"] not in known:
            found.setdefault(row["org"], row["pathway"])
    return list(dict.fromkeys(found.values()))[:_LOOKED_AT]


def _by_pathway(rows: Sequence[asyncpg.Record]) -> Mapping[UUID, list[asyncpg.Record]]:
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["pathway"], []).append(row)
    return found
