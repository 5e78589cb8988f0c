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
from pathline_gateway.handoffs.deadlines import served as serve_handoff
from pathline_gateway.handoffs.event import handoff_event
from pathline_gateway.handoffs.on_pathway import (
    bodies,
    contacts_by,
    in_order,
    lifecycles_of,
    receivers,
    told_from,
    with_deadlines,
)
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment, amended
from pathline_gateway.pathways.assembly import Pathway, assemble
from pathline_gateway.pathways.errors import no_such_pathway
from pathline_gateway.pathways.part_repository import StepPlace
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull import long_pathways
from pathline_gateway.pull.paging import MOST, WHOLE, PageAsked
from pathline_gateway.pull.serialization import version_of
from pathline_gateway.visibility.uncomputable import computing


@dataclass(frozen=True)
class PathwayReading:
    """A pathway as it was read."""

    members: pathway_repository.PathwayMembers
    version: str
    assembled: Pathway
    handoffs: Sequence[HandoffStatus] = ()
    others: Sequence[HandoffStatus] = ()
    """Hand-offs that stand on other pages, and that one of these may send back."""
    next: StepPlace | None = None
    """After which step the next page begins, where there is one."""

    def page(self, asked: PageAsked) -> PathwayReading:
        """The part that is asked for, of a pathway that was read whole."""
        if asked.is_plain and len(self.assembled.steps) <= MOST:
            return self
        steps, following = asked.part(list(self.assembled.steps))
        named = {event.handoff for step in steps if (event := handoff_event(step)) is not None}
        here = [each for each in self.handoffs if each.life.handoff in named]
        others = [each for each in self.handoffs if each.life.handoff not in named]
        return replace(self, assembled=assemble(steps), handoffs=here, others=others, next=following)

    def bodies(self) -> list[dict[str, Any]]:
        """The hand-offs as they are served."""
        every = [*self.handoffs, *self.others]
        return [serve_handoff(each, every) for each in in_order(self.handoffs)]


async def read_page(
    connection: asyncpg.Connection, pathway: UUID, now: datetime, asked: PageAsked = WHOLE
) -> PathwayReading | UUID:
    """A page of the pathway with this id, or the id that it was joined into. Raises Problem when there is none."""
    members, stored = await pathway_repository.stored(connection, pathway, MOST)
    if is_here(members) and len(stored.rows) > MOST:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await pathway_repository.members(connection, pathway)
            if is_here(found):
                return await read_long(connection, found, asked, now)
        members, stored = await pathway_repository.stored(connection, pathway, MOST)
    whole = await _folded(connection, pathway, now, members, stored)
    return whole if isinstance(whole, UUID) else whole.page(asked)


async def read_long(
    connection: asyncpg.Connection,
    members: pathway_repository.PathwayMembers,
    asked: PageAsked,
    now: datetime,
    at: datetime | None = None,
) -> PathwayReading:
    found = await long_pathways.page(connection, members, asked, now, at)
    return PathwayReading(members, found.version, found.part, found.handoffs, found.others, found.next)


async def read(connection: asyncpg.Connection, pathway: UUID, now: datetime) -> PathwayReading | UUID:
    """The pathway with this id, or the id that it was joined into, as the store held it at one moment.

    Raises Problem when there is none.
    """
    with computing():
        members, stored = await pathway_repository.stored(connection, pathway)
        return await _folded(connection, pathway, now, members, stored)


async def _folded(
    connection: asyncpg.Connection,
    pathway: UUID,
    now: datetime,
    members: pathway_repository.PathwayMembers | UUID | None,
    stored: pathway_repository.StoredPathway,
) -> PathwayReading | UUID:
    amendments: list[Amendment] = []
    elsewhere = stored.steps_elsewhere()
    if is_here(members) and (members.amended or stored.amended):
        # Rare, and several statements: a snapshot makes them one moment.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            members, stored = await pathway_repository.stored(connection, pathway)
            amendments = await pathway_repository.amendments(connection, list(stored.refs)) if is_here(members) else []
            elsewhere = await _elsewhere(connection, amended(stored.steps(), amendments))
    if members is None:
        raise no_such_pathway()
    if isinstance(members, UUID):
        return members
    assembled = assemble(stored.steps(), amendments)
    found = await statuses(connection, assembled.steps, elsewhere, now)
    version = version_of(members, stored, amendments, orjson.dumps(bodies(found)))
    return PathwayReading(members, version, assembled, found)


async def _elsewhere(connection: asyncpg.Connection, steps: Sequence[Step]) -> list[Step]:
    """What was published on other pathways about the hand-offs of these steps, all of it as amended."""
    here = {(step.source, step.id) for step in steps}
    named = {event.handoff for step in steps if (event := handoff_event(step)) and event.handoff is not None}
    if not named:
        return []
    events, amendments, _ = await event_repository.events(connection, named)
    return [step for step in amended(events, amendments) if (step.source, step.id) not in here]


async def statuses(
    connection: asyncpg.Connection, steps: Sequence[Step], elsewhere: Sequence[Step], now: datetime
) -> list[HandoffStatus]:
    found = lifecycles_of(steps, elsewhere)
    if not found:
        return []
    return with_deadlines(found, steps, await organisation_repository.registered(connection, receivers(found)), now)


async def stored_statuses(
    connection: asyncpg.Connection, stored: pathway_repository.StoredPathway, now: datetime
) -> list[HandoffStatus]:
    """The same, of what nobody has amended: only the steps that matter are looked into."""
    found = lifecycles_of(told_from(stored), stored.steps_elsewhere())
    if not found:
        return []
    asked = receivers(found)
    return with_deadlines(
        found, contacts_by(stored, asked), await organisation_repository.registered(connection, asked), now
    )


def is_here(members: pathway_repository.PathwayMembers | UUID | None) -> TypeGuard[pathway_repository.PathwayMembers]:
    return isinstance(members, pathway_repository.PathwayMembers)
