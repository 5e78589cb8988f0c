"""What is posted of events that were just given, without reading them again; and which of them may be begun at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.store.webhook_delivery import Next
from pathline_gateway.streams.deliver import Moment, NumberedRow, told_of
from pathline_gateway.streams.message import Message, message


class Handed(NamedTuple):
    """An event that was just given, and what is posted of it."""

    event: Next
    said: Message


async def handed(
    moment: Moment, subscription: Subscription, events: Sequence[NumberedRow], now: datetime
) -> list[Handed]:
    """These events, which were given now, as they are posted."""
    told = await told_of(moment, subscription, events, None)
    return [
        Handed(Next(number, now, row["pathway"], 0, None, None, False), message(subscription, number, event))
        for (number, row), event in zip(events, told, strict=True)
    ]


def begun(some: Sequence[Handed], busy: Iterable[UUID | None], room: int) -> Sequence[Handed]:
    """Those that may be begun at once: as many as there is room for, up to the first that waits for its pathway."""
    taken = {lane for lane in busy if lane is not None}
    for n, (event, _) in enumerate(some[:room]):
        if event.lane in taken:
            return some[:n]
        taken |= {event.lane} if event.lane is not None else set()
    return some[:room]
