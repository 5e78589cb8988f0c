"""Selects recipients pathway by pathway: a pathway or a filter at fault is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import any_foldable, fold_or_fail_work
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.streams.dispatch.selection import Selection, select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions.filter_attributes import redacted_attributes, unredacted_attributes
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice

WORK: Final = "dispatch"
_MAX_CONTROL_PATHWAYS: Final = 5
"""Pathways that were given once, and are folded again to tell what is at fault."""


class PartialSelection(NamedTuple):
    """What could be computed of a page."""

    recipients: Selection
    scanned_through: int | None
    """As `select_recipients` says it."""
    failed_pathways: set[UUID]
    """Those at fault; nothing of them is wanted by anybody."""
    failing_filters: dict[UUID, Exception]
    """Subscriptions whose filters cannot be asked; they are looked up no more, and want nothing here."""


async def select_or_set_aside(
    connection: asyncpg.Connection,
    index: SubscriptionIndex,
    now: datetime,
    rows: Sequence[asyncpg.Record],
    control_rows: Sequence[asyncpg.Record] = (),
    limit: int | None = None,
) -> PartialSelection:
    """Who wants these events; each pathway that cannot be computed is set aside. Call within a transaction.

    `control_rows`: events that were given once. Where every pathway fails and those do, too, no pathway is at fault:
    raises WorkFails.
    """
    rows_by_pathway, control_by_pathway = _group_by_pathway(rows), _group_by_pathway(control_rows)
    failing_filters: dict[UUID, Exception] = {}

    async def fold(pathways: Sequence[UUID]) -> None:
        all_by_pathway = {**control_by_pathway, **rows_by_pathway}
        await select_recipients(
            index, VisibilityCache(connection, now), [row for pathway in pathways for row in all_by_pathway[pathway]]
        )

    async def is_well() -> bool | None:
        return await any_foldable(connection, _control_pathways(control_rows, rows), fold)

    failures = await fold_or_fail_work(connection, list(rows_by_pathway), fold, is_well)
    while newly_failing := await _find_failing_filters(
        index, [row for pathway in failures for row in rows_by_pathway[pathway]]
    ):
        failing_filters |= newly_failing
        for id in newly_failing:
            index.drop(id)
        failures = await fold_or_fail_work(connection, list(rows_by_pathway), fold, is_well)
    for pathway, error in failures.items():
        await close_pathway(connection, WORK, pathway, error)
    deliverable = [row for row in rows if row["pathway"] not in failures]
    recipients, scanned_through = await select_recipients(index, VisibilityCache(connection, now), deliverable, limit)
    return PartialSelection(recipients, scanned_through, set(failures), failing_filters)


async def close_pathway(connection: asyncpg.Connection, work: str, pathway: UUID, error: Exception) -> None:
    """Nothing of this pathway is told to anybody but its own organisations, until it can be computed."""
    key = f"pathway:{pathway}"
    await set_aside.put(
        connection, work, "pathway", {key: error}, {key: await held_repository.refs_of(connection, pathway)}
    )


async def _find_failing_filters(index: SubscriptionIndex, rows: Sequence[asyncpg.Record]) -> dict[UUID, Exception]:
    """Subscriptions that cannot be asked about these events, where what the events say can be told."""
    errors: dict[UUID, Exception] = {}
    slice = TimeSlice()
    for row in rows:
        try:
            unredacted_attributes(row), redacted_attributes(row)
        except Exception as error:
            if not concerns_record(error):
                raise
            continue
        for each in index.all():
            if each.id in errors:
                continue
            if slice.is_spent:
                await slice.renew()
            try:
                for _ in SubscriptionIndex([each]).iter_matches(row):
                    pass
            except Exception as error:
                if not concerns_record(error):
                    raise
                errors[each.id] = error
    return errors


def _control_pathways(control_rows: Sequence[asyncpg.Record], rows: Sequence[asyncpg.Record]) -> list[UUID]:
    """A few pathways of other organisations, the last first and one of each in turn.

    What one of them publishes may all fail. So may one pathway that was given once: no organisation is judged by it.
    """
    orgs, pathways = {row["org"] for row in rows}, {row["pathway"] for row in rows}
    by_org: dict[str, dict[UUID, None]] = {}
    for row in reversed(control_rows):
        if row["org"] not in orgs and row["pathway"] not in pathways:
            by_org.setdefault(row["org"], {})[row["pathway"]] = None
    in_turn = dict.fromkeys(pathway for turn in zip_longest(*by_org.values()) for pathway in turn)
    return [pathway for pathway in in_turn if pathway is not None][:_MAX_CONTROL_PATHWAYS]


def _group_by_pathway(rows: Sequence[asyncpg.Record]) -> Mapping[UUID, list[asyncpg.Record]]:
    groups: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        groups.setdefault(row["pathway"], []).append(row)
    return groups
