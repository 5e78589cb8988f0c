"""Reads all events of some hand-offs, and what their receivers did meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.lifecycle import Lifecycle, lifecycle
from pathline_gateway.handoffs.projection_row import HandoffRow, ReceivedEvent, row_of
from pathline_gateway.pathways.amendments import amended
from pathline_gateway.pathways.step import Step


class HandoffStep(NamedTuple):
    """A step of a hand-off, with what it says of it."""

    step: Step
    event: HandoffEvent


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of some hand-offs."""

    told: Mapping[str, Sequence[HandoffStep]]
    """What was published of each, as it was corrected."""
    met: Mapping[str, Sequence[Step]]
    """The steps of the receiver of each, on the pathway of its offer."""
    records: Sequence[HandoffRow]
    rows: Mapping[tuple[str, str], asyncpg.Record]

    def received(self, event: HandoffEvent) -> ReceivedEvent:
        """What the store knows of this event."""
        row = self.rows[event.source, event.id]
        return ReceivedEvent(row["received_at"], row["ref"], row["trace_id"], row["span_id"])

    async def met_in(self, connection: asyncpg.Connection, lives: Mapping[str, Lifecycle]) -> Mapping[str, list[Step]]:
        """The steps of the receivers of these, by what each is called here."""
        wanted = [
            (name, self.received(life.offer).ref, life.to, life.offer.time)
            for name, life in lives.items()
            if life.offer is not None and life.to is not None
        ]
        return await handoff_repository.met(connection, wanted) if wanted else {}


async def read(connection: asyncpg.Connection, handoffs: Collection[str]) -> Reading:
    """These hand-offs as they stand; one of which nothing legal or illegal is left has no record."""
    steps, amendments, rows = await event_repository.events(connection, handoffs)
    told: defaultdict[str, list[HandoffStep]] = defaultdict(list)
    for step in amended(steps, amendments):
        event = handoff_event(step)
        if event is not None and event.handoff is not None and event.handoff in handoffs:
            told[event.handoff].append(HandoffStep(step, event))
    lives = {handoff: lifecycle(handoff, [each.event for each in found]) for handoff, found in told.items()}
    begun = Reading(told, {}, (), rows)
    met = await begun.met_in(connection, lives)
    records = [row_of(life, met.get(handoff, ()), begun.received) for handoff, life in lives.items()]
    return Reading(told, met, records, rows)
