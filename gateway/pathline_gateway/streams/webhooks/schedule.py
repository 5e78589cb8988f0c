"""The delivery schedule: which events of an endpoint go next, each pathway's in order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WaitingEvent(NamedTuple):
    """An event that is not done."""

    number: int
    lane: UUID | None
    """The pathway that it is on now; None where that cannot be told, and it waits for nobody."""
    held_until: datetime | None = None
    """When it is tried again; None: it was not tried."""
    is_held: bool = False
    """Its number is kept apart, and those behind it may be read."""


class DeliverySchedule(NamedTuple):
    """What to do now."""

    start: Sequence[int]
    """Post these."""
    hold: Sequence[int]
    """These wait behind one that is held: their numbers are kept apart, too."""
    next_at: datetime | None
    """When the first of those that are held is due; None where none is."""


def plan(waiting: Iterable[WaitingEvent], busy: Collection[UUID], free: int, now: datetime) -> DeliverySchedule:
    """What to do with these events, in the order of their numbers.

    `busy`: pathways of which an event is on its way. `free`: how many more may be.
    """
    taken = set(busy)
    behind_held: set[UUID] = set()
    start: list[int] = []
    hold: list[int] = []
    due: list[datetime] = []
    for each in waiting:
        if each.lane is not None and each.lane in taken:
            if not each.is_held and each.lane in behind_held:
                hold.append(each.number)
            continue
        early = each.held_until is not None and each.held_until > now
        if each.held_until is not None and early:
            due.append(each.held_until)
        elif len(start) < free:
            start.append(each.number)
        if each.lane is not None:
            taken.add(each.lane)
            behind_held |= {each.lane} if early else set()
    return DeliverySchedule(start, hold, min(due, default=None))


def probe(waiting: Iterable[WaitingEvent], busy: Collection[UUID], *, new: bool) -> DeliverySchedule:
    """The one event by which a sink is asked that took nothing for a while, whenever it is due itself.

    `new`: rather one that was never tried. Take turns: it may be that the sink takes all but those that failed.
    """
    taken = set(busy)
    heads: list[WaitingEvent] = []
    for each in waiting:
        if each.lane is None or each.lane not in taken:
            heads.append(each)
        if each.lane is not None:
            taken.add(each.lane)
    chosen = min(heads, key=lambda each: (each.is_held == new, each.held_until or _EARLIEST, each.number), default=None)
    return DeliverySchedule(() if chosen is None else (chosen.number,), (), None)
