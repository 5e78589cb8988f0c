"""Loads hand-offs by id for one of their two organisations: from all their events, less what is concealed from it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import desk_repository, event_repository
from pathline_gateway.handoffs.deadlines import Contact, HandoffStatus, compute_status, is_contact_type
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycles
from pathline_gateway.handoffs.side_lifecycles import is_concealed
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways.amendments import apply_amendments


async def load_statuses(
    connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime
) -> dict[str, HandoffStatus]:
    """Each of which the organisation may know something."""
    lifecycles, concealment = await load_lifecycles(connection, handoffs, org)
    registered = await organisation_repository.cached_registered(
        connection, {life.receiver for life in lifecycles if life.receiver is not None}
    )
    observable_orgs = {each for each in registered if each == org or not concealment.conceals_party(each, None)}
    contacts = [
        Contact(row["org"], row["time"], row["handoff"])
        for row in await desk_repository.contacts(connection, handoffs, org)
        if is_contact_type(row["type"])
    ]
    return {life.handoff: compute_status(life, contacts, observable_orgs, now) for life in lifecycles}


async def load_lifecycles(
    connection: asyncpg.Connection, handoffs: Collection[str], org: str | None
) -> tuple[list[Lifecycle], Concealment]:
    """Each of which this organisation may know something, and what is concealed from it; None: a person, an operator.

    From all that was published of each, on whatever pathway.
    """
    steps, amendments, rows = await event_repository.load_events(connection, handoffs)
    refs = {(row["org"], row["subject"]) for row in rows.values()}
    concealment = await concealment_repository.load_concealment(connection, list(refs))
    if org is not None:
        concealment = concealment.without_own(org)
    known = [
        step for step in apply_amendments(steps, amendments) if step.org == org or not is_concealed(concealment, step)
    ]
    return list(compute_lifecycles(known, frozenset(handoffs)).values()), concealment
