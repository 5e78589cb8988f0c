"""Hand-offs that operators are told nothing of while callers are told apart: any of their events is concealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.lifecycle import lifecycle
from pathline_gateway.handoffs.projection import WORK
from pathline_gateway.pathways.amendments import amended
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.set_aside import repository as set_aside

_NOBODY: Final[frozenset[str]] = frozenset()


def concealed(step: Step, hidden: Concealment) -> bool:
    """Whether nobody but its own organisation may know of this event: as of a step that stands on a pathway."""
    said = parse_step(step)
    return hidden.step(ParsedStep(step._replace(service=said.said.get("service")), said.said))


async def hidden_handoffs(connection: asyncpg.Connection, perhaps: set[str]) -> set[str]:
    """Those of these that a page must not tell of. What was sent counts, and what it was corrected to."""
    if not perhaps:
        return set()
    # Whether what cannot be computed is concealed is not known.
    aside = await set_aside.among(connection, WORK, perhaps)
    perhaps = perhaps - aside
    steps, amendments, _ = await event_repository.events(connection, perhaps)
    register = await concealment_repository.concealment(connection, {(step.org, step.subject) for step in steps})
    now = amended(steps, amendments)
    sent, kept = _sides(steps), _sides(now)
    sides = {handoff: sent.get(handoff, _NOBODY) | kept.get(handoff, _NOBODY) for handoff in sent.keys() | kept.keys()}
    found = ((step, handoff_event(step)) for step in (*steps, *now) if concealed(step, register))
    return aside | {
        event.handoff
        for step, event in found
        if event is not None and event.handoff in perhaps and step.org in sides[event.handoff]
    }


def _sides(steps: Iterable[Step]) -> dict[str, frozenset[str]]:
    """Who has a part in each hand-off: nobody else hides it, by naming it in a concealed event of its own."""
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    for step in steps:
        event = handoff_event(step)
        if event is not None and event.handoff is not None:
            events[event.handoff].append(event)
    return {handoff: lifecycle(handoff, said).sides for handoff, said in events.items()}
