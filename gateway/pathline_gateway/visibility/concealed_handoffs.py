"""Finds the hand-offs that no page of an operator may mention while auth is on: some event of them is concealed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.lifecycle import compute_lifecycles
from pathline_gateway.handoffs.projection import WORK
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.set_aside import repository as set_aside

_NO_ORGS: Final[frozenset[str]] = frozenset()


def is_concealed(step: Step, register: Concealment) -> bool:
    """Whether nobody but its own organisation may know of this event: as of a step that stands on a pathway."""
    parsed = parse_step(step)
    return register.conceals_step(ParsedStep(step._replace(service=parsed.data.get("service")), parsed.data))


async def concealed_handoffs(connection: asyncpg.Connection, candidates: set[str]) -> set[str]:
    """Those of these that a page must not tell of. What was sent counts, and what it was corrected to."""
    if not candidates:
        return set()
    # Whether what cannot be computed is concealed is not known.
    set_aside_handoffs = await set_aside.find_set_aside(connection, WORK, candidates)
    candidates = candidates - set_aside_handoffs
    steps, amendments, _ = await event_repository.load_events(connection, candidates)
    register = await concealment_repository.load_concealment(connection, {(step.org, step.subject) for step in steps})
    amended_steps = apply_amendments(steps, amendments)
    sides_as_sent, sides_as_amended = _sides_by_handoff(steps), _sides_by_handoff(amended_steps)
    sides = {
        handoff: sides_as_sent.get(handoff, _NO_ORGS) | sides_as_amended.get(handoff, _NO_ORGS)
        for handoff in sides_as_sent.keys() | sides_as_amended.keys()
    }
    concealed_events = (
        (step, handoff_event_from_step(step)) for step in (*steps, *amended_steps) if is_concealed(step, register)
    )
    return set_aside_handoffs | {
        event.handoff
        for step, event in concealed_events
        if event is not None and event.handoff in candidates and step.org in sides[event.handoff]
    }


def _sides_by_handoff(steps: Iterable[Step]) -> dict[str, frozenset[str]]:
    """Who has a part in each hand-off: nobody else hides it, by naming it in a concealed event of its own."""
    return {handoff: life.sides for handoff, life in compute_lifecycles(steps).items()}
