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
from pathline_gateway.handoffs.deadlines import CONTACT_TYPES, Contact, HandoffStatus, compute_status, contact_from_step
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.handoffs.pathway_handoffs import compute_pathway_lifecycles, current_receivers
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import as_of_repository, part_repository
from pathline_gateway.pathways import repository as pathways
from pathline_gateway.pathways.amendments import Amendment, apply_amendments
from pathline_gateway.pathways.assembly import Pathway, assemble
from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull.page_range import PageRange


@dataclass(frozen=True, slots=True)
class PathwayPage:
    """A page as it was read."""

    version: str
    """Of the whole pathway: pages with one version are pages of one pathway."""
    assembled: Pathway
    """Its steps, and the legs that these make."""
    handoffs: Sequence[HandoffStatus]
    """Those that its steps are about."""
    other_handoffs: Sequence[HandoffStatus]
    """Those of other pages that one of them may send back."""
    next: StepCursor | None


async def read_pathway_page(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    page_range: PageRange,
    now: datetime,
    as_of: datetime | None = None,
) -> PathwayPage:
    """The steps after a place. `as_of`: as it stood then, told from what had been received.

    Call within a transaction whose statements see one moment.
    """
    stored = await part_repository.load_steps_after(
        connection, members, members.numbers, page_range.after, page_range.limit + 1, as_of
    )
    steps, amendments = stored.steps(), list[Amendment]()
    amended_steps: list[Step] = []
    if members.has_amendments:
        amendments = await _load_amendments(connection, members, as_of)
        targets = await part_repository.load_amended_steps(connection, members, as_of)
        amended_steps = apply_amendments(targets.steps(), amendments)
    page_steps, next_place = page_range.slice_steps(assemble([*steps, *amended_steps]).steps)
    handoffs, other_handoffs = await _load_handoffs(connection, members, page_steps, amended_steps, now, as_of)
    # As of an instant that has passed how much had come by then says what had.
    count = None if as_of is None else await part_repository.count_interactions(connection, members, as_of)
    version = _compute_version(members, count, amendments)
    return PathwayPage(version, assemble(page_steps), handoffs, other_handoffs, next_place)


async def _load_amendments(
    connection: asyncpg.Connection, members: PathwayMembers, as_of: datetime | None
) -> list[Amendment]:
    if as_of is None:
        return await pathways.load_amendments(connection, members.numbers)
    return await as_of_repository.load_amendments_as_of(connection, members, as_of)


def _compute_version(members: PathwayMembers, count: int | None, amendments: Iterable[Amendment]) -> str:
    """Changes with every step and ref. What is stored is never rewritten."""
    amendment_ids = sorted((each.source, each.id) for each in amendments)
    identity = orjson.dumps((str(members.pathway), members.refs, members.revisions, count, amendment_ids))
    return hashlib.blake2b(identity, digest_size=12).hexdigest()


async def _load_handoffs(
    connection: asyncpg.Connection,
    members: PathwayMembers,
    steps: Sequence[Step],
    amended_steps: Sequence[Step],
    now: datetime,
    as_of: datetime | None,
) -> tuple[list[HandoffStatus], list[HandoffStatus]]:
    """Those that these steps are about; and those that one of them may send back."""
    events = (handoff_event_from_step(step) for step in steps)
    handoff_ids = {event.handoff for event in events if event is not None and event.handoff is not None}
    if not handoff_ids:
        return [], []
    lifecycles = await _load_lifecycles(connection, members, handoff_ids, as_of)
    returned_ids = await pathway_repository.handoffs_between(
        connection, members.numbers, current_receivers(lifecycles), [life.sender for life in lifecycles], handoff_ids
    )
    other_lifecycles = await _load_lifecycles(connection, members, returned_ids, as_of) if returned_ids else []
    all_lifecycles = [*lifecycles, *other_lifecycles]
    registered = await organisation_repository.cached_registered(connection, current_receivers(all_lifecycles))
    contacts = [first_contact for step in amended_steps if (first_contact := contact_from_step(step)) is not None]
    contacts += await _find_first_contacts(connection, members, all_lifecycles, as_of)
    statuses = [compute_status(life, contacts, registered, now) for life in all_lifecycles]
    return statuses[: len(lifecycles)], statuses[len(lifecycles) :]


async def _load_lifecycles(
    connection: asyncpg.Connection, members: PathwayMembers, handoffs: Collection[str], as_of: datetime | None
) -> list[Lifecycle]:
    events, amendments, rows = await event_repository.load_events(connection, handoffs)
    steps = list(events)
    if as_of is not None:
        # What was published on other pathways is not told: those were other people's then.
        own_refs = set(members.numbers)
        amendments = await as_of_repository.load_amendments_as_of(connection, members, as_of)
        steps = [
            step
            for step in steps
            if (row := rows[step.source, step.id])["ref"] in own_refs and row["received_at"] <= as_of
        ]
    return [
        life for life in compute_pathway_lifecycles(apply_amendments(steps, amendments), ()) if life.handoff in handoffs
    ]


async def _find_first_contacts(
    connection: asyncpg.Connection, members: PathwayMembers, lifecycles: Iterable[Lifecycle], as_of: datetime | None
) -> list[Contact]:
    """The first contact that may stop the clock of each: about it, or about none once it is accepted."""
    contact_keys: list[tuple[str, datetime, str | None]] = []
    for life in lifecycles:
        if life.offer is None or life.receiver is None:
            continue
        contact_keys.append((life.receiver, life.offer.time, life.handoff))
        accepted = next((event.time for event in life.transitions if event.verb == "accepted"), None)
        if accepted is not None:
            contact_keys.append((life.receiver, max(accepted, life.offer.time), None))
    rows = await pathway_repository.first_contacts(
        connection, members, sorted(set(contact_keys), key=repr), CONTACT_TYPES, as_of
    )
    return [Contact(*row) for row in rows]
