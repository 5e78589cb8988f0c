"""What was just given is told, in the transaction that gave it, to those of this process who wait for just that.

They need not read it again, which is most of the work where many wait. Whoever does not wait for just that, or in
another process, reads it: see `reading` and `books`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.streams.deliver import Moment, NumberedRow

Hand = Callable[[], None]
"""Hands over what was told. Called once the transaction is committed, and not at all where it is not."""


class Taker(Protocol):
    """Some who wait in this process."""

    async def told(self, moment: Moment, subscription: Subscription, events: Sequence[NumberedRow]) -> Hand | None:
        """What is handed over of these, which are the next of this subscription; None where nobody waits for them."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """One for a process."""

    secret: bytes
    takers: Sequence[Taker]

    async def told(
        self,
        connection: asyncpg.Connection,
        now: datetime,
        given: Iterable[tuple[Subscription, NumberedRow]],
    ) -> list[Hand]:
        """What is handed over of what was given. Call within the transaction that gives it, whose moment is one."""
        each_of: dict[UUID, tuple[Subscription, list[NumberedRow]]] = {}
        for subscription, event in given:
            each_of.setdefault(subscription.id, (subscription, []))[1].append(event)
        moment = Moment(connection, self.secret, now)
        hands = []
        for subscription, events in each_of.values():
            # Of what is paused nothing is handed out, though it is given.
            for taker in () if subscription.paused else self.takers:
                if (hand := await taker.told(moment, subscription, events)) is not None:
                    hands.append(hand)
        return hands
