"""What every page of the desk is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Query, Response

from pathline_gateway.desk.handoff_list_item import (
    HandoffListItem,
    build_items,
    decode_cursor,
    encode_cursor,
)
from pathline_gateway.desk.handoff_queries import RECENT_ONLY, find_offered_to
from pathline_gateway.desk.handoff_queries import find_page as handoff_page
from pathline_gateway.desk.publisher import DeskPublisher
from pathline_gateway.desk.session import DeskSettings, DeskWorker
from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.desk_repository import Side
from pathline_gateway.pathways.named_values import NamedValue
from pathline_gateway.visibility.handoff_access_log import log_accessed_handoffs
from pathline_gateway.visibility.name_lookup import SaidName, find_meaning
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.context import service
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

After = Annotated[str | None, Query(max_length=2_000)]
"""From where on a page lists: nothing for the first."""


@dataclass(frozen=True)
class DeskContext:
    """The parts of the gateway that the desk works with."""

    pool: asyncpg.Pool
    publisher: DeskPublisher
    secret: bytes
    settings: DeskSettings

    def now(self) -> datetime:
        """When something is done: never the frozen clock, by which deadlines alone are judged."""
        return datetime.now(UTC)

    def reader_key(self, org: str) -> ReaderKey:
        """Makes the names that this organisation's desk uses."""
        return ReaderKey(self.secret, self._reader_name(org))

    def _reader_name(self, org: str) -> str:
        return f"desk {org}"

    def build_items(self, org: str, handoffs: Sequence[HandoffStatus]) -> list[HandoffListItem]:
        """These hand-offs, as pages tell of them."""
        return build_items(handoffs, self.reader_key(org), self.settings.zone, self.settings.clock())

    async def list_values(
        self, desk_worker: DeskWorker, side: Side, cursor_text: str | None, *, ended: bool = False
    ) -> dict[str, Any]:
        """A part of a list for a page, from where its address says. Raises Problem."""
        key = self.reader_key(desk_worker.org)
        after = None if cursor_text is None else decode_cursor(key, cursor_text)
        if cursor_text is not None and after is None:
            raise Problem(400, "malformed-cursor", "after must be the one that the page before leads to")
        async with self.pool.acquire() as connection:
            found_page = await handoff_page(
                connection, side, desk_worker.org, self.settings.clock(), after, ended=ended
            )
            await _log_accesses(connection, found_page.handoffs)
        return {
            "handoffs": self.build_items(desk_worker.org, found_page.handoffs),
            "first": after is None,
            "more": found_page.remaining,
            "counted": found_page.is_count_exact,
            "failing": found_page.failing,
            "next": None if found_page.next is None else encode_cursor(key, found_page.next),
        }

    async def recently_ended(self, desk_worker: DeskWorker) -> list[HandoffListItem]:
        """Of the hand-offs that the organisation made and that have ended, those that were offered last."""
        async with self.pool.acquire() as connection:
            found_page = await handoff_page(
                connection, "sender", desk_worker.org, self.settings.clock(), ended=True, size=RECENT_ONLY
            )
            await _log_accesses(connection, found_page.handoffs)
        return self.build_items(desk_worker.org, found_page.handoffs)

    async def accepted_handoffs(self, desk_worker: DeskWorker) -> tuple[list[HandoffListItem], bool]:
        """Of those that the organisation took on and has not ended, who have waited longest; whether there are more."""
        async with self.pool.acquire() as connection:
            found_page = await handoff_page(
                connection, "receiver", desk_worker.org, self.settings.clock(), ended=False, accepted_only=True
            )
            await _log_accesses(connection, found_page.handoffs)
        return self.build_items(desk_worker.org, found_page.handoffs), found_page.next is not None

    async def find_offered(self, desk_worker: DeskWorker, handle: str) -> HandoffListItem | None:
        """The hand-off with this handle, where it asks this organisation."""
        said = SaidName(self._reader_name(desk_worker.org), NamedValue("handoff", "", handle))
        async with self.pool.acquire() as connection:
            handoff = (await find_meaning(connection, self.secret, said)).id
            if handoff == handle:  # an id as it is stands in no address
                return None
            status = await find_offered_to(connection, desk_worker.org, handoff, self.settings.clock())
            await _log_accesses(connection, () if status is None else (status,))
        return None if status is None else self.build_items(desk_worker.org, [status])[0]

    def render(self, template: str, desk_worker: DeskWorker | None, status: int = 200, **values: object) -> Response:
        """A page of the desk."""
        page_values = {
            "worker": desk_worker,
            "quick_exit": self.settings.quick_exit,
            "zone": str(self.settings.zone),
            **values,
        }
        return render_page(f"desk/{template}", status, referrer="same-origin", **page_values)


async def _log_accesses(connection: asyncpg.Connection, handoffs: Sequence[HandoffStatus]) -> None:
    """The access log has whom the current page is about, before it leaves."""
    await log_accessed_handoffs(connection, [each.lifecycle.handoff for each in handoffs])


Desk = Annotated[DeskContext, Depends(service(DeskContext))]
"""A parameter of every endpoint of the desk."""
