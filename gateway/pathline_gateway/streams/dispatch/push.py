"""Pushes new deliveries to listeners and workers of this process, after the commit.

They need not read it again, which is most of the work where many wait. Whoever does not wait for just that, or in
another process, reads it: see `batched_reader` and `batched_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch.event_rendering import NumberedRow, RenderContext
from pathline_gateway.streams.dispatch.selection import Selection
from pathline_gateway.streams.subscriptions.repository import Subscription

CommitCallback = Callable[[], None]
"""Pushes the rendered events. Called once the transaction is committed, and not at all where it is not."""


class NewDeliveries(NamedTuple):
    """The next events of a subscription."""

    subscription: Subscription
    after: int
    """The number of the delivery before these."""
    rows: Sequence[asyncpg.Record]

    def events(self, limit: int | None = None) -> list[NumberedRow]:
        """The first of them, or all, each with its number."""
        return list(enumerate(self.rows[:limit], self.after + 1))


class PushTarget(Protocol):
    """Some who wait in this process."""

    @property
    def has_waiting(self) -> bool:
        """Whether anybody does."""

    async def prepare_push(
        self, context: RenderContext, deliveries: Sequence[NewDeliveries]
    ) -> Sequence[CommitCallback]:
        """Renders these deliveries for those who wait for them in this process, and returns what pushes them."""


@dataclass(frozen=True, slots=True)
class PushDispatcher:
    """Pushes new deliveries to all targets of a process."""

    secret: bytes
    targets: Sequence[PushTarget]

    @property
    def has_waiting(self) -> bool:
        """Whether anybody waits in this process for what is delivered next."""
        return any(target.has_waiting for target in self.targets)

    async def prepare_push(
        self, connection: asyncpg.Connection, now: datetime, selection: Selection, last_numbers: Mapping[UUID, int]
    ) -> list[CommitCallback]:
        """What pushes these deliveries, up to these numbers, after the commit. Call within the transaction that numbers
        them, whose moment is one."""
        # Of what is paused nothing is handed out, though it is given.
        deliveries = [
            NewDeliveries(subscription, last_numbers[id] - len(rows), rows)
            for id, rows in selection.rows.items()
            if not (subscription := selection.subscriptions[id]).is_paused
        ]
        context = RenderContext(connection, self.secret, now)
        return [callback for target in self.targets for callback in await target.prepare_push(context, deliveries)]
