"""A page of a long pathway for who sees everything: its own steps are read, and the others are counted.

Hand-offs stand on the pages that their steps are on, each as it is told on the whole pathway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import orjson

from pathline_gateway.handoffs import event_repository, pathway_repository
from pathline_gateway.handoffs.deadlines import CONTACTS, Contact, HandoffStatus, contact, status_of
from pathline_gateway.handoffs.event import handoff_event
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.handoffs.on_pathway import lifecycles_of, receivers
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import as_of_repository, part_repository
from pathline_gateway.pathways import repository as pathways
from pathline_gateway.pathways.amendments import Amendment, amended
from pathline_gateway.pathways.assembly import Pathway, assemble
from pathline_gateway.pathways.part_repository import StepPlace
from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull.paging import PageAsked


@dataclass(frozen=True, slots=True)
class PathwayPage:
    """A page as it was read."""

    version: str
    """Of the whole pathway: pages with one version are pages of one pathway."""
    part: Pathway
    """Its steps, and the legs that these make."""
    handoffs: Sequence[HandoffStatus]
    """Those that its steps are about."""
    others: Sequence[HandoffStatus]
    """Those of other pages that one of them may send back."""
    next: StepPlace | None


async def page(
    connection: asyncpg.Connection, members: PathwayMembers, asked: PageAsked, now: datetime, at: datetime | None = None
) -> PathwayPage:
    """The steps after a place. `at`: as it stood then, told from what had been received.

    Call within a transaction whose statements see one moment.
    """
    stored = await part_repository.after(connection, members, members.numbers, asked.after, asked.limit + 1, at)
    steps, amendments = stored.steps(), list[Amendment]()
    changed: list[Step] = []
    if members.amended:
        amendments = await _amendments(connection, members, at)
        targets = await part_repository.amended(connection, members, at)
        changed = amended(targets.steps(), amendments)
    part, following = asked.part(assemble([*steps, *changed]).steps)
    handoffs, others = await _handoffs(connection, members, part, changed, now, at)
    version = _version(members, await part_repository.count(connection, members, at), amendments)
    return PathwayPage(version, assemble(part), handoffs, others, following)


async def _amendments(connection: asyncpg.Connection, members: PathwayMembers, at: datetime | None) -> list[Amendment]:
    if at is None:
        return await pathways.amendments(connection, members.numbers)
    return await as_of_repository.amendments(connection, members, at)


def _version(members: PathwayMembers, count: int, amendments: Iterable[Amendment]) -> str:
    """Changes with every step and ref. What is stored is never rewritten: how much there is says what there is."""
    amending = sorted((each.source, each.id) for each in amendments)
    said = orjson.dumps((str(members.pathway), members.refs, count, amending))
    return hashlib.blake2b(said, digest_size=12).hexdigest()


async def _handoffs(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    steps: Sequence[Step],
    changed: Sequence[Step],
    now: datetime,
    at: datetime | None,
) -> tuple[list[HandoffStatus], list[HandoffStatus]]:
    """Those that these steps are about; and those that one of them may send back."""
    events = (handoff_event(step) for step in steps)
    named = {event.handoff for event in events if event is not None and event.handoff is not None}
    if not named:
        return [], []
    found = await _lives(connection, members, named, at)
    back = await pathway_repository.between(
        connection, members.numbers, receivers(found), [life.by for life in found], named
    )
    others = await _lives(connection, members, back, at) if back else []
    lives_ = [*found, *others]
    registered = await organisation_repository.registered(connection, receivers(lives_))
    contacts = [met for step in changed if (met := contact(step)) is not None]
    contacts += await _first_contacts(connection, members, lives_, at)
    clocked = [status_of(life, contacts, registered, now) for life in lives_]
    return clocked[: len(found)], clocked[len(found) :]


async def _lives(
    connection: asyncpg.Connection, members: PathwayMembers, handoffs: Collection[str], at: datetime | None
) -> list[Lifecycle]:
    events, amendments, rows = await event_repository.events(connection, handoffs)
    steps = list(events)
    if at is not None:
        # What was published on other pathways is not told: those were other people's then.
        mine = set(members.numbers)
        amendments = await as_of_repository.amendments(connection, members, at)
        steps = [
            step for step in steps if (row := rows[step.source, step.id])["ref"] in mine and row["received_at"] <= at
        ]
    return [life for life in lifecycles_of(amended(steps, amendments), ()) if life.handoff in handoffs]


async def _first_contacts(
    connection: asyncpg.Connection, members: PathwayMembers, found: Iterable[Lifecycle], at: datetime | None
) -> list[Contact]:
    """The first contact that may stop the clock of each: about it, or about none once it is accepted."""
    wanted: list[tuple[str, datetime, str | None]] = []
    for life in found:
        if life.offer is None or life.to is None:
            continue
        wanted.append((life.to, life.offer.time, life.handoff))
        accepted = next((event.time for event in life.legal if event.verb == "accepted"), None)
        if accepted is not None:
            wanted.append((life.to, max(accepted, life.offer.time), None))
    rows = await pathway_repository.first_contacts(connection, members, sorted(set(wanted), key=repr), CONTACTS, at)
    return [Contact(*row) for row in rows]
