"""Pushes new deliveries to listeners and workers of this process, after the commit.

They need not read it again, which is most of the work where many wait. Whoever does not wait for just that, or in
another process, reads it: see `batched_reader` and `batched_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch.event_rendering import NumberedRow, RenderContext
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.time_slice import TimeSlice

CommitCallback = Callable[[], None]
"""Pushes the rendered events. Called once the transaction is committed, and not at all where it is not."""


class NewDeliveries(NamedTuple):
    """The next events of a subscription."""

    subscription: Subscription
    events: list[NumberedRow]


class PushTarget(Protocol):
    """Some who wait in this process."""

    async def prepare_push(
        self, context: RenderContext, deliveries: Sequence[NewDeliveries]
    ) -> Sequence[CommitCallback]:
        """Renders these deliveries for those who wait for them in this process, and returns what pushes them."""


@dataclass(frozen=True, slots=True)
class PushDispatcher:
    """Pushes new deliveries to all targets of a process."""

    secret: bytes
    targets: Sequence[PushTarget]

    async def prepare_push(
        self, connection: asyncpg.Connection, now: datetime, deliveries: Iterable[tuple[Subscription, NumberedRow]]
    ) -> list[CommitCallback]:
        """What pushes these deliveries after the commit. Call within the transaction that numbers them, whose moment is
        one."""
        by_subscription: dict[UUID, NewDeliveries] = {}
        slice = TimeSlice()
        for subscription, event in deliveries:
            if slice.is_spent:
                await slice.renew()
            # Of what is paused nothing is handed out, though it is given.
            if not subscription.is_paused:
                by_subscription.setdefault(subscription.id, NewDeliveries(subscription, [])).events.append(event)
        context, new_deliveries = RenderContext(connection, self.secret, now), list(by_subscription.values())
        return [callback for target in self.targets for callback in await target.prepare_push(context, new_deliveries)]
