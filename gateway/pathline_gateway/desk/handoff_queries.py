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
from pathline_gateway.handoffs.desk_repository import Place, Side
from pathline_gateway.handoffs.lifecycle import OPEN
from pathline_gateway.visibility.side_handoffs import statuses_for


class Size(NamedTuple):
    """How much of a list is read at once."""

    shown: int
    """Hand-offs on a page."""
    counted: int
    """So many are looked at from the first of a page on: how many more there are is told as far as that."""


PAGE: Final = Size(100, 1_000)
LATELY: Final = Size(10, 11)
_CHUNK: Final = 100
_CHUNKS: Final = 20
"""Of what is not shown to this organisation, no more is looked through at once: the page after goes on."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
"""Before and after all instants that are taken: asyncpg writes them as the infinities."""


@dataclass(frozen=True, slots=True)
class HandoffPage:
    """A part of a list."""

    handoffs: Sequence[HandoffStatus]
    next: Place | None
    """After which one the next page begins; None where nothing follows."""
    more: int
    """How many follow, as far as they were counted."""
    counted: bool
    """Whether no more than those follow."""
    failing: int = 0
    """Hand-offs that cannot be computed; all others are listed."""


async def page(
    connection: asyncpg.Connection,
    side: Side,
    org: str,
    now: datetime,
    after: Place | None = None,
    *,
    ended: bool,
    taken: bool = False,
    size: Size = PAGE,
) -> HandoffPage:
    """Hand-offs of which the organisation is this side: open ones, the longest waiting first; ended, the latest first.

    Whether one is open is told from what the organisation may know of it. `taken`: those alone that were accepted.
    """
    reached = after or (Place(_LAST, "") if ended else Place(_FIRST, ""))
    found: list[tuple[Place, HandoffStatus]] = []
    failing = 0
    most = min(_CHUNK, size.counted)
    for _ in range(_CHUNKS):
        chunk = await desk_repository.listed(connection, side, org, reached, most, ended=ended)
        places = {each.handoff: each for each in chunk}
        clocked, failed = await _clocked_each(connection, list(places), org, now)
        failing += failed
        found += [
            (place, each)
            for handoff, place in places.items()
            if (each := clocked.get(handoff)) is not None
            and _is_one(each, side, org, ended)
            and (each.accepted is not None or not taken)
        ]
        if chunk:
            reached = chunk[-1]
        if len(chunk) < most:
            break
        if len(found) >= size.counted:
            return _page(found, reached, size.shown, failing, counted=False)
    else:
        return _page(found, reached, size.shown, failing, counted=False)
    return _page(found, None, size.shown, failing, counted=True)


def _is_one(each: HandoffStatus, side: Side, org: str, ended: bool) -> bool:
    mine = each.life.to if side == "receiver" else each.life.by
    return each.offered is not None and mine == org and (each.life.state not in OPEN) == ended


def _page(
    found: Sequence[tuple[Place, HandoffStatus]], reached: Place | None, shown: int, failing: int, *, counted: bool
) -> HandoffPage:
    more = max(0, len(found) - shown)
    following = found[shown - 1][0] if more else reached
    return HandoffPage([each for _, each in found[:shown]], following, more, counted, failing)


async def asked_of(connection: asyncpg.Connection, org: str, handoff: str, now: datetime) -> HandoffStatus | None:
    """This hand-off, open or ended; None where it is none that this organisation is asked about."""
    found = (await statuses_for(connection, [handoff], org, now)).get(handoff)
    return found if found is not None and found.offered is not None and found.life.to == org else None


async def _clocked_each(
    connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime
) -> tuple[dict[str, HandoffStatus], int]:
    """Each of which the organisation may know something, and how many cannot be computed."""
    try:
        return await statuses_for(connection, handoffs, org, now), 0
    except Exception as failed:
        if not concerns_record(failed):
            raise
        if len(handoffs) < 2:
            return {}, len(handoffs)
    middle = len(handoffs) // 2
    one, of_one = await _clocked_each(connection, handoffs[:middle], org, now)
    other, of_other = await _clocked_each(connection, handoffs[middle:], org, now)
    return one | other, of_one + of_other
