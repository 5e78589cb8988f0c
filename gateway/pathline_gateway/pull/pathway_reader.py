"""Reads a pathway for whoever sees everything: whole, or a page of a long one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeGuard
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.pathway_handoffs import (
    compute_pathway_lifecycles,
    compute_statuses,
    current_receivers,
    render_handoffs,
    sort_by_offer,
)
from pathline_gateway.handoffs.rendering import render_handoff
from pathline_gateway.handoffs.returned import find_returned
from pathline_gateway.handoffs.stored_steps import contact_steps_of, handoff_steps
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment, apply_amendments
from pathline_gateway.pathways.assembly import Pathway, assemble
from pathline_gateway.pathways.errors import pathway_not_found
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull import long_pathways
from pathline_gateway.pull.page_range import FIRST_PAGE, MAX_STEPS, PageRange
from pathline_gateway.pull.pathway_etag import compute_version
from pathline_gateway.pull.serialization import PathwayContent
from pathline_gateway.visibility.uncomputable_problem import uncomputable_as_problem


@dataclass(frozen=True)
class PathwayReading:
    """A pathway as it was read."""

    members: pathway_repository.PathwayMembers
    version: str
    assembled: Pathway
    handoffs: Sequence[HandoffStatus] = ()
    other_handoffs: Sequence[HandoffStatus] = ()
    """Hand-offs that stand on other pages, and that one of these may send back."""
    next: StepCursor | None = None
    """After which step the next page begins, where there is one."""

    def slice_page(self, page_range: PageRange) -> PathwayReading:
        """The part that is asked for, of a pathway that was read whole."""
        if page_range.is_default and len(self.assembled.steps) <= MAX_STEPS:
            return self
        steps, next_place = page_range.slice_steps(list(self.assembled.steps))
        handoff_ids = {event.handoff for step in steps if (event := handoff_event_from_step(step)) is not None}
        page_handoffs = [each for each in self.handoffs if each.lifecycle.handoff in handoff_ids]
        other_handoffs = [each for each in self.handoffs if each.lifecycle.handoff not in handoff_ids]
        return replace(
            self, assembled=assemble(steps), handoffs=page_handoffs, other_handoffs=other_handoffs, next=next_place
        )

    def as_served(self, handoffs: Sequence[object] = (), next_cursor: str | None = None) -> PathwayContent:
        """What whoever sees everything is told of it."""
        return PathwayContent(
            self.members.pathway, self.members.refs, self.assembled.steps, handoffs=handoffs, next=next_cursor
        )

    def serve_handoffs(self) -> list[dict[str, Any]]:
        """The hand-offs as they are served."""
        returned = find_returned([*self.handoffs, *self.other_handoffs])
        return [render_handoff(each, returned.get(each.lifecycle.handoff)) for each in sort_by_offer(self.handoffs)]


async def read_page(
    connection: asyncpg.Connection, pathway: UUID, now: datetime, page_range: PageRange = FIRST_PAGE
) -> PathwayReading | UUID:
    """A page of the pathway with this id, or the id that it was joined into. Raises Problem when there is none."""
    members, stored = await pathway_repository.load_pathway(connection, pathway, MAX_STEPS)
    if is_current(members) and len(stored.rows) > MAX_STEPS:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            current_members = await pathway_repository.load_members(connection, pathway)
            if is_current(current_members):
                return await read_long_pathway(connection, current_members, page_range, now)
        members, stored = await pathway_repository.load_pathway(connection, pathway, MAX_STEPS)
    reading = await _assemble_reading(connection, pathway, now, members, stored)
    return reading if isinstance(reading, UUID) else reading.slice_page(page_range)


async def read_long_pathway(
    connection: asyncpg.Connection,
    members: pathway_repository.PathwayMembers,
    page_range: PageRange,
    now: datetime,
    as_of: datetime | None = None,
) -> PathwayReading:
    pathway_page = await long_pathways.read_pathway_page(connection, members, page_range, now, as_of)
    return PathwayReading(
        members,
        pathway_page.version,
        pathway_page.assembled,
        pathway_page.handoffs,
        pathway_page.other_handoffs,
        pathway_page.next,
    )


async def read_pathway(connection: asyncpg.Connection, pathway: UUID, now: datetime) -> PathwayReading | UUID:
    """The pathway with this id, or the id that it was joined into, as the store held it at one moment.

    Raises Problem when there is none.
    """
    with uncomputable_as_problem():
        members, stored = await pathway_repository.load_pathway(connection, pathway)
        return await _assemble_reading(connection, pathway, now, members, stored)


async def _assemble_reading(
    connection: asyncpg.Connection,
    pathway: UUID,
    now: datetime,
    members: pathway_repository.PathwayMembers | UUID | None,
    stored: pathway_repository.StoredPathway,
) -> PathwayReading | UUID:
    amendments: list[Amendment] = []
    steps_elsewhere = stored.steps_elsewhere()
    if is_current(members) and (members.has_amendments or stored.has_amended_elsewhere):
        # Rare, and several statements: a snapshot makes them one moment.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            members, stored = await pathway_repository.load_pathway(connection, pathway)
            amendments = (
                await pathway_repository.load_amendments(connection, list(stored.refs)) if is_current(members) else []
            )
            steps_elsewhere = await _find_steps_elsewhere(connection, apply_amendments(stored.steps(), amendments))
    if members is None:
        raise pathway_not_found()
    if isinstance(members, UUID):
        return members
    assembled = assemble(stored.steps(), amendments)
    handoffs = await load_statuses(connection, assembled.steps, steps_elsewhere, now)
    version = compute_version(members, orjson.dumps(render_handoffs(handoffs)))
    return PathwayReading(members, version, assembled, handoffs)


async def _find_steps_elsewhere(connection: asyncpg.Connection, steps: Sequence[Step]) -> list[Step]:
    """What was published on other pathways about the hand-offs of these steps, all of it as amended."""
    own_keys = {(step.source, step.id) for step in steps}
    handoff_ids = {
        event.handoff for step in steps if (event := handoff_event_from_step(step)) and event.handoff is not None
    }
    if not handoff_ids:
        return []
    events, amendments, _ = await event_repository.load_events(connection, handoff_ids)
    return [step for step in apply_amendments(events, amendments) if (step.source, step.id) not in own_keys]


async def load_statuses(
    connection: asyncpg.Connection, steps: Sequence[Step], steps_elsewhere: Sequence[Step], now: datetime
) -> list[HandoffStatus]:
    lifecycles = compute_pathway_lifecycles(steps, steps_elsewhere)
    if not lifecycles:
        return []
    return compute_statuses(
        lifecycles,
        steps,
        await organisation_repository.cached_registered(connection, current_receivers(lifecycles)),
        now,
    )


async def load_stored_statuses(
    connection: asyncpg.Connection, stored: pathway_repository.StoredPathway, now: datetime
) -> list[HandoffStatus]:
    """The same, of what nobody has amended: only the steps that matter are looked into."""
    lifecycles = compute_pathway_lifecycles(handoff_steps(stored), stored.steps_elsewhere())
    if not lifecycles:
        return []
    receiver_orgs = current_receivers(lifecycles)
    return compute_statuses(
        lifecycles,
        contact_steps_of(stored, receiver_orgs),
        await organisation_repository.cached_registered(connection, receiver_orgs),
        now,
    )


def is_current(
    members: pathway_repository.PathwayMembers | UUID | None,
) -> TypeGuard[pathway_repository.PathwayMembers]:
    return isinstance(members, pathway_repository.PathwayMembers)
