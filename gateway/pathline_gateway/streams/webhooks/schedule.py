"""The delivery schedule: which events of a sink go next, each pathway's in order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WaitingEvent(NamedTuple):
    """An event that is not done."""

    number: int
    ordering_key: UUID | None
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


def build_schedule(
    waiting: Iterable[WaitingEvent], busy_keys: Collection[UUID], free_slots: int, now: datetime
) -> DeliverySchedule:
    """What to do with these events, in the order of their numbers.

    `busy_keys`: pathways of which an event is on its way. `free_slots`: how many more may be.
    """
    blocked_keys = set(busy_keys)
    behind_held: set[UUID] = set()
    start: list[int] = []
    hold: list[int] = []
    due: list[datetime] = []
    for each in waiting:
        if each.ordering_key is not None and each.ordering_key in blocked_keys:
            if not each.is_held and each.ordering_key in behind_held:
                hold.append(each.number)
            continue
        is_early = each.held_until is not None and each.held_until > now
        if each.held_until is not None and is_early:
            due.append(each.held_until)
        elif len(start) < free_slots:
            start.append(each.number)
        if each.ordering_key is not None:
            blocked_keys.add(each.ordering_key)
            behind_held |= {each.ordering_key} if is_early else set()
    return DeliverySchedule(start, hold, min(due, default=None))


def schedule_probe(waiting: Iterable[WaitingEvent], busy_keys: Collection[UUID], *, new: bool) -> DeliverySchedule:
    """The one event by which a sink is asked that took nothing for a while, whenever it is due itself.

    `new`: rather one that was never tried. Take turns: it may be that the sink takes all but those that failed.
    """
    blocked_keys = set(busy_keys)
    heads: list[WaitingEvent] = []
    for each in waiting:
        if each.ordering_key is None or each.ordering_key not in blocked_keys:
            heads.append(each)
        if each.ordering_key is not None:
            blocked_keys.add(each.ordering_key)
    chosen = min(heads, key=lambda each: (each.is_held == new, each.held_until or _EARLIEST, each.number), default=None)
    return DeliverySchedule(() if chosen is None else (chosen.number,), (), None)
