"""Every hand-off as it is kept, against what a pull of its pathway tells; what is not yet looked at is lag."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import asyncpg

from pathline import instant
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.open_stages import OpenStages
from pathline_gateway.handoffs.projection import WORK
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.handoff_row_check import row_agrees, side_agrees
from pathline_gateway.pull.pathway_reader import PathwayReading
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.visibility.side_handoffs import load_statuses

_BATCH_SIZE: Final = 500
"""Hand-offs of sides that are compared at a time."""


@dataclass
class HandoffRows:
    """The hand-offs that were met on the pathways so far."""

    connection: asyncpg.Connection
    check: Check
    pending: Collection[str]
    """Those that something was published about which has still to be looked at."""
    set_aside_handoffs: Collection[str]
    """Those that could not be computed, and are kept as they stood."""
    compared_handoffs: set[str] = field(default_factory=set)

    @classmethod
    async def start(cls, connection: asyncpg.Connection, check: Check) -> Self:
        """Nothing was met yet."""
        set_aside_handoffs = await set_aside.keys(connection, WORK, "hand-off")
        check.set_aside_count += len(set_aside_handoffs)
        return cls(connection, check, await handoff_repository.pending_handoffs(connection), set_aside_handoffs)

    async def compare(self, reading: PathwayReading) -> None:
        """The hand-offs that were offered on this pathway, and those on it that nobody is known to have offered."""
        refs = set(reading.members.refs)
        offered_here = [
            each
            for each in reading.handoffs
            if each.lifecycle.offer is None or (each.lifecycle.offer.org, each.lifecycle.offer.subject) in refs
        ]
        stored = (
            await handoff_repository.load_rows(self.connection, [each.lifecycle.handoff for each in offered_here])
            if offered_here
            else {}
        )
        for each in offered_here:
            self.compared_handoffs.add(each.lifecycle.handoff)
            if each.lifecycle.handoff in self.pending or each.lifecycle.handoff in self.set_aside_handoffs:
                continue
            row = stored.get(each.lifecycle.handoff)
            is_same = row is not None and row_agrees(row, each, reading.assembled.steps)
            self.check.record(is_same, None if row is None else row.offer_ref)
            if not is_same:
                self.check.add_pathways([str(reading.members.pathway)])

    async def check_strays(self) -> None:
        """What is kept and stands on no pathway."""
        async for row in scans.stream(self.connection, scans.STORED_HANDOFFS):
            is_known = row["handoff"] in self.compared_handoffs or row["handoff"] in self.set_aside_handoffs
            if not is_known and row["handoff"] not in self.pending:
                self.check.record_difference(row["ref"])

    async def check_sides(self) -> None:
        """What each side may know of those of which something is concealed, less what has to be judged anew."""
        page: list[OpenStages] = []
        async for row in scans.stream(self.connection, scans.HANDOFF_SIDES):
            page.append(OpenStages(*row.values()))
            if len(page) == _BATCH_SIZE:
                await self._compare_sides(page)
                page = []
        await self._compare_sides(page)
        async for row in scans.stream(self.connection, scans.CONCEALED_WITHOUT_SIDES):
            if row["handoff"] not in self.pending and row["handoff"] not in self.set_aside_handoffs:
                self.check.record_difference(row["ref"])

    async def _compare_sides(self, stored: Sequence[OpenStages]) -> None:
        by_org: dict[str, list[OpenStages]] = {}
        for each in stored:
            if each.handoff not in self.pending and each.handoff not in self.set_aside_handoffs:
                by_org.setdefault(each.audience, []).append(each)
        for org, sides in by_org.items():
            statuses = await load_statuses(self.connection, [each.handoff for each in sides], org, instant.EARLIEST)
            for each in sides:
                self.check.record(side_agrees(each, statuses.get(each.handoff)), each.offer_ref)

    async def check_notices(self, check: Check) -> None:
        """The notices of silence."""
        async for row in scans.stream(self.connection, scans.NOTICES):
            check.record(row["founded"], row["ref"])
