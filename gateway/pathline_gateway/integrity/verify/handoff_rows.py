"""Every hand-off as it is kept, against what a pull of its pathway tells; what is not yet looked at is lag."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import asyncpg

from pathline import instant
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.open_stages import Waiting
from pathline_gateway.handoffs.projection import WORK
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.handoff_row_check import agrees, agrees_with_side
from pathline_gateway.pull.pathway_reader import PathwayReading
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.visibility.side_handoffs import statuses_for

_PAGE: Final = 500
"""Hand-offs of sides that are compared at a time."""


@dataclass
class HandoffRows:
    """The hand-offs that were met on the pathways so far."""

    connection: asyncpg.Connection
    check: Check
    waiting: Collection[str]
    """Those that something was published about which has still to be looked at."""
    aside: Collection[str]
    """Those that could not be computed, and are kept as they stood."""
    met: set[str] = field(default_factory=set)

    @classmethod
    async def begun(cls, connection: asyncpg.Connection, check: Check) -> Self:
        """Nothing was met yet."""
        aside = await set_aside.keys(connection, WORK, "hand-off")
        check.set_aside += len(aside)
        return cls(connection, check, await handoff_repository.touched_and_unseen(connection), aside)

    async def compare(self, read: PathwayReading) -> None:
        """The hand-offs that were offered on this pathway, and those on it that nobody is known to have offered."""
        refs = set(read.members.refs)
        here = [
            each
            for each in read.handoffs
            if each.life.offer is None or (each.life.offer.org, each.life.offer.subject) in refs
        ]
        kept = await handoff_repository.kept(self.connection, [each.life.handoff for each in here]) if here else {}
        for each in here:
            self.met.add(each.life.handoff)
            if each.life.handoff in self.waiting or each.life.handoff in self.aside:
                continue
            row = kept.get(each.life.handoff)
            same = row is not None and agrees(row, each, read.assembled.steps)
            self.check.see(same, None if row is None else row.ref)
            if not same:
                self.check.name_pathways([str(read.members.pathway)])

    async def strays(self) -> None:
        """What is kept and stands on no pathway."""
        async for row in scans.stream(self.connection, scans.KEPT_HANDOFFS):
            known = row["handoff"] in self.met or row["handoff"] in self.aside
            if not known and row["handoff"] not in self.waiting:
                self.check.differ(row["ref"])

    async def sides(self) -> None:
        """What each side may know of those of which something is concealed, less what has to be judged anew."""
        page: list[Waiting] = []
        async for row in scans.stream(self.connection, scans.HANDOFF_SIDES):
            page.append(Waiting(*row.values()))
            if len(page) == _PAGE:
                await self._compare_sides(page)
                page = []
        await self._compare_sides(page)
        async for row in scans.stream(self.connection, scans.CONCEALED_WITHOUT_SIDES):
            if row["handoff"] not in self.waiting and row["handoff"] not in self.aside:
                self.check.differ(row["ref"])

    async def _compare_sides(self, kept: Sequence[Waiting]) -> None:
        by_org: dict[str, list[Waiting]] = {}
        for each in kept:
            if each.handoff not in self.waiting and each.handoff not in self.aside:
                by_org.setdefault(each.audience, []).append(each)
        for org, known in by_org.items():
            told = await statuses_for(self.connection, [each.handoff for each in known], org, instant.EARLIEST)
            for each in known:
                self.check.see(agrees_with_side(each, told.get(each.handoff)), each.ref)

    async def notices(self, check: Check) -> None:
        """What was said of silence."""
        async for row in scans.stream(self.connection, scans.NOTICES):
            check.see(row["founded"], row["ref"])
