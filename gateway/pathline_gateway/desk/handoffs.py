"""The hand-offs that the desk lists, each folded from the steps that its organisation may know of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

import asyncpg

from pathline_gateway.assemble.amendments import amended
from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import Clocks, Contact, clocks, contact_type
from pathline_gateway.handoff.event import HandoffEvent, handoff_event
from pathline_gateway.handoff.lifecycle import OPEN, Lifecycle, lifecycle
from pathline_gateway.store import desk_handoffs, handoff_links, register, sight
from pathline_gateway.trust.concealment import Concealment
from pathline_gateway.trust.told import Told, told

_LISTED: Final = 500


async def offered_to(connection: asyncpg.Connection, org: str, now: datetime) -> list[Clocks]:
    """Those that wait for this organisation, the longest waiting first."""
    found = await _clocked(connection, await desk_handoffs.offered_to(connection, org, _LISTED), org, now)
    return [each for each in found if each.life.to == org and each.life.state in OPEN]


async def asked_of(connection: asyncpg.Connection, org: str, now: datetime) -> list[Clocks]:
    """The same, with those that have ended."""
    found = await _clocked(connection, await desk_handoffs.offered_to(connection, org, _LISTED), org, now)
    return [each for each in found if each.life.to == org]


async def offered_by(connection: asyncpg.Connection, org: str, now: datetime) -> list[Clocks]:
    """Those that this organisation made, the latest first."""
    found = await _clocked(connection, await desk_handoffs.offered_by(connection, org, _LISTED), org, now)
    return [each for each in reversed(found) if each.life.by == org]


async def _clocked(connection: asyncpg.Connection, handoffs: list[str], org: str, now: datetime) -> list[Clocks]:
    """Every one of which an offer is seen, the first offered first."""
    steps, amendments, rows = await handoff_links.events(connection, handoffs)
    refs = {(row["org"], row["subject"]) for row in rows.values()}
    concealment = (await sight.concealment(connection, list(refs))).besides(org)
    lives = list(_folded(handoffs, amended(steps, amendments), org, concealment))
    registered = await register.registered(connection, {life.to for life in lives if life.to is not None})
    observable = {each for each in registered if each == org or not concealment.party(each, None)}
    met = [
        Contact(row["org"], row["time"], row["handoff"])
        for row in await desk_handoffs.contacts(connection, handoffs, org)
        if contact_type(row["type"])
    ]
    found = (clocks(life, met, observable, now) for life in lives)
    return sorted((each for each in found if each.offered is not None), key=_order)


def _order(each: Clocks) -> tuple[datetime, str]:
    assert each.offered is not None
    return each.offered, each.life.handoff


def _folded(
    handoffs: Collection[str], steps: Iterable[Step], org: str, concealment: Concealment
) -> Iterable[Lifecycle]:
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    wanted = set(handoffs)
    for step in steps:
        event = handoff_event(step)
        if event is not None and event.handoff in wanted and (step.org == org or not concealment.step(_told(step))):
            events[event.handoff].append(event)
    return (lifecycle(handoff, found) for handoff, found in events.items())


def _told(step: Step) -> Told:
    said = told(step)
    return Told(step._replace(service=said.said.get("service")), said.said)
