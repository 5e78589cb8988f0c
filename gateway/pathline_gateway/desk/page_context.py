"""What every page of the desk is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Query, Response

from pathline_gateway.desk.handoff_list_item import HandoffListItem, cursor, handoff_of, listed, place_of
from pathline_gateway.desk.handoff_queries import LATELY, asked_of
from pathline_gateway.desk.handoff_queries import page as handoff_page
from pathline_gateway.desk.publisher import Publishing
from pathline_gateway.desk.session import DeskSettings, DeskWorker
from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.desk_repository import Side
from pathline_gateway.visibility.handoff_accesses import tells_of_handoffs
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

After = Annotated[str | None, Query(max_length=2_000)]
"""From where on a page lists: nothing for the first."""


@dataclass(frozen=True)
class DeskContext:
    """The parts of the gateway that the desk works with."""

    pool: asyncpg.Pool
    publishing: Publishing
    secret: bytes
    said: DeskSettings

    def now(self) -> datetime:
        """When something is done: never the frozen clock, by which due instants alone are judged."""
        return datetime.now(UTC)

    def key(self, org: str) -> ReaderKey:
        """Makes the names that this organisation's desk uses."""
        return ReaderKey(self.secret, f"desk {org}")

    def listed(self, org: str, found: Sequence[HandoffStatus]) -> list[HandoffListItem]:
        """These hand-offs, as pages tell of them."""
        return listed(found, self.key(org), self.said.zone, self.said.clock())

    async def part(self, who: DeskWorker, side: Side, cursor_: str | None, *, ended: bool = False) -> dict[str, Any]:
        """A part of a list for a page, from where its address says. Raises Problem."""
        key = self.key(who.org)
        after = None if cursor_ is None else place_of(key, cursor_)
        if cursor_ is not None and after is None:
            raise Problem(400, "malformed-cursor", "after must be the one that the page before leads to")
        async with self.pool.acquire() as connection:
            found = await handoff_page(connection, side, who.org, self.said.clock(), after, ended=ended)
            await _logged(connection, found.handoffs)
        return {
            "handoffs": self.listed(who.org, found.handoffs),
            "first": after is None,
            "more": found.more,
            "counted": found.counted,
            "failing": found.failing,
            "next": None if found.next is None else cursor(key, found.next),
        }

    async def ended_lately(self, who: DeskWorker) -> list[HandoffListItem]:
        """Of the hand-offs that the organisation made and that have ended, those that were offered last."""
        async with self.pool.acquire() as connection:
            found = await handoff_page(connection, "sender", who.org, self.said.clock(), ended=True, size=LATELY)
            await _logged(connection, found.handoffs)
        return self.listed(who.org, found.handoffs)

    async def taken(self, who: DeskWorker) -> tuple[list[HandoffListItem], bool]:
        """Of those that the organisation took on and has not ended, who have waited longest; whether there are more."""
        async with self.pool.acquire() as connection:
            found = await handoff_page(connection, "receiver", who.org, self.said.clock(), ended=False, taken=True)
            await _logged(connection, found.handoffs)
        return self.listed(who.org, found.handoffs), found.next is not None

    async def asked(self, who: DeskWorker, handle: str) -> HandoffListItem | None:
        """The hand-off with this handle, where it asks this organisation."""
        handoff = handoff_of(self.key(who.org), handle)
        if handoff is None:
            return None
        async with self.pool.acquire() as connection:
            found = await asked_of(connection, who.org, handoff, self.said.clock())
            await _logged(connection, () if found is None else (found,))
        return None if found is None else self.listed(who.org, [found])[0]

    def page(self, template: str, who: DeskWorker | None, status: int = 200, **values: object) -> Response:
        """A page of the desk."""
        said = {"worker": who, "quick_exit": self.said.quick_exit, "zone": str(self.said.zone), **values}
        return page(f"desk/{template}", status, referrer="same-origin", **said)


async def _logged(connection: asyncpg.Connection, found: Sequence[HandoffStatus]) -> None:
    """The access log has whom the page at hand is about, before it leaves."""
    await tells_of_handoffs(connection, [each.life.handoff for each in found])
