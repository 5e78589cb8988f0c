"""Hand-offs that operators are told nothing of while callers are told apart: any of their events is concealed."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from pathline_gateway.assemble.amendments import amended
from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.event import handoff_event
from pathline_gateway.store import handoff_links, sight
from pathline_gateway.trust.concealment import Concealment
from pathline_gateway.trust.told import Told, told


def concealed(step: Step, hidden: Concealment) -> bool:
    """Whether nobody but its own organisation may know of this event: as of a step that stands on a pathway."""
    said = told(step)
    return hidden.step(Told(step._replace(service=said.said.get("service")), said.said))


async def hidden_handoffs(connection: asyncpg.Connection, perhaps: set[str]) -> set[str]:
    """Those of these that a page must not tell of. What was sent counts, and what it was corrected to."""
    if not perhaps:
        return set()
    steps, amendments, _ = await handoff_links.events(connection, perhaps)
    register = await sight.concealment(connection, {(step.org, step.subject) for step in steps})
    return _about((step for step in (*steps, *amended(steps, amendments)) if concealed(step, register)), perhaps)


def _about(steps: Iterable[Step], perhaps: set[str]) -> set[str]:
    events = (handoff_event(step) for step in steps)
    return {event.handoff for event in events if event is not None and event.handoff in perhaps}
