"""Reads all events of some hand-offs, and what their receivers did meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.event import HandoffEvent, HandoffStep
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycle, group_by_handoff
from pathline_gateway.handoffs.projection_row import HandoffRow, ReceivedEvent, build_row
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_form import open_payload


@dataclass(frozen=True, slots=True)
class LoadedHandoffs:
    """What was read of some hand-offs."""

    steps_by_handoff: Mapping[str, Sequence[HandoffStep]]
    """What was published of each, as it was corrected."""
    receiver_steps: Mapping[str, Sequence[Step]]
    """The steps of the receiver of each, on the pathway of its offer."""
    records: Sequence[HandoffRow]
    rows: Mapping[tuple[str, str], asyncpg.Record]

    def received_event(self, event: HandoffEvent) -> ReceivedEvent:
        """What the store knows of this event."""
        row = self.rows[event.source, event.id]
        trace_id, span_id = open_payload(row["payload"]).traceparent() or (None, None)
        return ReceivedEvent(row["received_at"], row["ref"], trace_id, span_id)

    async def load_receiver_steps(
        self, connection: asyncpg.Connection, lifecycles: Mapping[str, Lifecycle]
    ) -> Mapping[str, list[Step]]:
        """The steps of the receivers of these, by what each is called here."""
        requests = [
            (name, self.received_event(life.offer).ref, life.receiver, life.offer.time)
            for name, life in lifecycles.items()
            if life.offer is not None and life.receiver is not None
        ]
        return await handoff_repository.load_receiver_steps(connection, requests) if requests else {}


async def load_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> LoadedHandoffs:
    """These hand-offs as they stand; one of which nothing legal or illegal is left has no record."""
    steps, amendments, rows = await event_repository.load_events(connection, handoffs)
    steps_by_handoff = group_by_handoff(apply_amendments(steps, amendments), handoffs)
    lifecycles = {
        handoff: compute_lifecycle(handoff, [each.event for each in handoff_steps])
        for handoff, handoff_steps in steps_by_handoff.items()
    }
    partial = LoadedHandoffs(steps_by_handoff, {}, (), rows)
    receiver_steps = await partial.load_receiver_steps(connection, lifecycles)
    records = [
        build_row(life, receiver_steps.get(handoff, ()), partial.received_event) for handoff, life in lifecycles.items()
    ]
    return LoadedHandoffs(steps_by_handoff, receiver_steps, records, rows)
