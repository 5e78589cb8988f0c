"""What is posted of events that were just given, without reading them again; and which of them may be begun at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.store.webhook_delivery import Next, State
from pathline_gateway.streams.deliver import Moment, NumberedRow, told_of
from pathline_gateway.streams.message import Message, message


class Handed(NamedTuple):
    """An event that was just given, and what is posted of it."""

    event: Next
    said: Message


class Told(NamedTuple):
    """What one sink was just given, as the transaction that gave it finds it."""

    after: int
    """What was given before has this number, or a lower one."""
    events: Sequence[Handed]
    state: State
    keys: Sequence[str]
    lanes: Mapping[int, UUID | None]
    """On which pathway each event is now that was on its way."""


async def handed(
    moment: Moment, subscription: Subscription, events: Sequence[NumberedRow], now: datetime
) -> list[Handed]:
    """These events, which were given now, as they are posted."""
    told = await told_of(moment, subscription, events, None)
    return [
        Handed(Next(number, now, row["pathway"], 0, None, None, False), message(subscription, number, event))
        for (number, row), event in zip(events, told, strict=True)
    ]


def begun(lanes: Sequence[UUID | None], busy: Iterable[UUID | None], room: int) -> int:
    """How many events along these pathways may be begun at once: as many as there is room for, up to one that waits."""
    taken = {lane for lane in busy if lane is not None}
    for n, lane in enumerate(lanes[:room]):
        if lane in taken:
            return n
        taken |= {lane} if lane is not None else set()
    return min(len(lanes), room)
