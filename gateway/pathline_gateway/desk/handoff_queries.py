"""The hand-offs that the desk lists, each folded from the steps that its organisation may know of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.handoffs import desk_repository
from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.desk_repository import HandoffCursor, Side
from pathline_gateway.handoffs.lifecycle import OPEN_STATES
from pathline_gateway.visibility.side_handoffs import load_statuses


class ListSize(NamedTuple):
    """How much of a list is read at once."""

    page_size: int
    """Hand-offs on a page."""
    count_limit: int
    """The most hand-offs to look at, from the first of a page on: the page counts no more than these."""


FULL_PAGE: Final = ListSize(100, 1_000)
RECENT_ONLY: Final = ListSize(10, 11)
_CHUNK_SIZE: Final = 100
_MAX_CHUNKS: Final = 20
"""Of what is not shown to this organisation, no more is looked through at once: the page after goes on."""

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)
"""Before and after all instants that are taken: asyncpg writes them as the infinities."""


@dataclass(frozen=True, slots=True)
class HandoffPage:
    """A part of a list."""

    handoffs: Sequence[HandoffStatus]
    next: HandoffCursor | None
    """After which one the next page begins; None where nothing follows."""
    remaining: int
    """How many follow, as far as they were counted."""
    is_count_exact: bool
    """Whether no more than those follow."""
    failing: int = 0
    """Hand-offs that cannot be computed; all others are listed."""


async def find_page(
    connection: asyncpg.Connection,
    side: Side,
    org: str,
    now: datetime,
    after: HandoffCursor | None = None,
    *,
    ended: bool,
    accepted_only: bool = False,
    size: ListSize = FULL_PAGE,
) -> HandoffPage:
    """Hand-offs of which the organisation is this side: open ones, the longest waiting first; ended, the latest first.

    Whether one is open is told from what the organisation may know of it. `accepted_only`: those alone that were
    accepted.
    """
    position = after or (HandoffCursor(_AFTER_ALL, "") if ended else HandoffCursor(_BEFORE_ALL, ""))
    matches: list[tuple[HandoffCursor, HandoffStatus]] = []
    failing = 0
    chunk_size = min(_CHUNK_SIZE, size.count_limit)
    for _ in range(_MAX_CHUNKS):
        chunk = await desk_repository.list_handoffs(connection, side, org, position, chunk_size, ended=ended)
        places = {each.handoff: each for each in chunk}
        statuses, failed_count = await _load_statuses(connection, list(places), org, now)
        failing += failed_count
        matches += [
            (place, each)
            for handoff, place in places.items()
            if (each := statuses.get(handoff)) is not None
            and _belongs_to_list(each, side, org, ended)
            and (each.accepted_at is not None or not accepted_only)
        ]
        if chunk:
            position = chunk[-1]
        if len(chunk) < chunk_size:
            break
        if len(matches) >= size.count_limit:
            return _build_page(matches, position, size.page_size, failing, is_count_exact=False)
    else:
        return _build_page(matches, position, size.page_size, failing, is_count_exact=False)
    return _build_page(matches, None, size.page_size, failing, is_count_exact=True)


def _belongs_to_list(handoff: HandoffStatus, side: Side, org: str, ended: bool) -> bool:
    side_org = handoff.lifecycle.receiver if side == "receiver" else handoff.lifecycle.sender
    return handoff.offered_at is not None and side_org == org and (handoff.lifecycle.state not in OPEN_STATES) == ended


def _build_page(
    matches: Sequence[tuple[HandoffCursor, HandoffStatus]],
    position: HandoffCursor | None,
    page_size: int,
    failing: int,
    *,
    is_count_exact: bool,
) -> HandoffPage:
    remaining = max(0, len(matches) - page_size)
    next_place = matches[page_size - 1][0] if remaining else position
    return HandoffPage([each for _, each in matches[:page_size]], next_place, remaining, is_count_exact, failing)


async def find_offered_to(
    connection: asyncpg.Connection, org: str, handoff: str, now: datetime
) -> HandoffStatus | None:
    """This hand-off, open or ended; None where it is none that this organisation is asked about."""
    status = (await load_statuses(connection, [handoff], org, now)).get(handoff)
    return status if status is not None and status.offered_at is not None and status.lifecycle.receiver == org else None


async def _load_statuses(
    connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime
) -> tuple[dict[str, HandoffStatus], int]:
    """Each of which the organisation may know something, and how many cannot be computed."""
    try:
        return await load_statuses(connection, handoffs, org, now), 0
    except Exception as error:
        if not concerns_record(error):
            raise
        if len(handoffs) < 2:
            return {}, len(handoffs)
    middle = len(handoffs) // 2
    first_half, first_failed = await _load_statuses(connection, handoffs[:middle], org, now)
    second_half, second_failed = await _load_statuses(connection, handoffs[middle:], org, now)
    return first_half | second_half, first_failed + second_failed
