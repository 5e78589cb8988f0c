"""Hand-offs as one of their sides may know them: by all that was published of each, less what is concealed from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import desk_repository, event_repository
from pathline_gateway.handoffs.deadlines import Contact, HandoffStatus, contact_type, status_of
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.lifecycle import Lifecycle, lifecycle
from pathline_gateway.handoffs.side_lifecycles import conceals
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways.amendments import amended
from pathline_gateway.pathways.step import Step


async def statuses_for(
    connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime
) -> dict[str, HandoffStatus]:
    """Each of which the organisation may know something."""
    lives, concealment = await lifecycles_for(connection, handoffs, org)
    registered = await organisation_repository.registered(
        connection, {life.to for life in lives if life.to is not None}
    )
    observable = {each for each in registered if each == org or not concealment.party(each, None)}
    met = [
        Contact(row["org"], row["time"], row["handoff"])
        for row in await desk_repository.contacts(connection, handoffs, org)
        if contact_type(row["type"])
    ]
    return {life.handoff: status_of(life, met, observable, now) for life in lives}


async def lifecycles_for(
    connection: asyncpg.Connection, handoffs: Collection[str], org: str | None
) -> tuple[list[Lifecycle], Concealment]:
    """Each of which this organisation may know something, and what is concealed from it; None: a person, an operator.

    From all that was published of each, on whatever pathway.
    """
    steps, amendments, rows = await event_repository.events(connection, handoffs)
    refs = {(row["org"], row["subject"]) for row in rows.values()}
    concealment = await concealment_repository.concealment(connection, list(refs))
    if org is not None:
        concealment = concealment.besides(org)
    return list(_folded(handoffs, amended(steps, amendments), org, concealment)), concealment


def _folded(
    handoffs: Collection[str], steps: Iterable[Step], org: str | None, concealment: Concealment
) -> Iterable[Lifecycle]:
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    wanted = set(handoffs)
    for step in steps:
        event = handoff_event(step)
        if event is not None and event.handoff in wanted and (step.org == org or not conceals(concealment, step)):
            events[event.handoff].append(event)
    return (lifecycle(handoff, found) for handoff, found in events.items())
