"""Hand-offs as one of their sides may know them: by all that was published of each, less what is concealed from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import asyncpg

from pathline_gateway.assemble.amendments import amended
from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import Clocks, Contact, clocks, contact_type
from pathline_gateway.handoff.event import HandoffEvent, handoff_event
from pathline_gateway.handoff.lifecycle import Lifecycle, lifecycle
from pathline_gateway.handoff.side_lives import conceals
from pathline_gateway.store import desk_handoffs, handoff_links, register, sight
from pathline_gateway.trust.concealment import Concealment


async def clocked_for(
    connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime
) -> dict[str, Clocks]:
    """Each of which the organisation may know something."""
    lives, concealment = await lives_for(connection, handoffs, org)
    registered = await register.registered(connection, {life.to for life in lives if life.to is not None})
    observable = {each for each in registered if each == org or not concealment.party(each, None)}
    met = [
        Contact(row["org"], row["time"], row["handoff"])
        for row in await desk_handoffs.contacts(connection, handoffs, org)
        if contact_type(row["type"])
    ]
    return {life.handoff: clocks(life, met, observable, now) for life in lives}


async def lives_for(
    connection: asyncpg.Connection, handoffs: Collection[str], org: str | None
) -> tuple[list[Lifecycle], Concealment]:
    """Each of which this organisation may know something, and what is concealed from it; None: a person, an operator.

    From all that was published of each, on whatever pathway.
    """
    steps, amendments, rows = await handoff_links.events(connection, handoffs)
    refs = {(row["org"], row["subject"]) for row in rows.values()}
    concealment = await sight.concealment(connection, list(refs))
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
