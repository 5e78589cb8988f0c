"""The hand-offs of one pathway, each with its state and deadlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pathline import instant
from pathline_gateway.handoffs.deadlines import (
    Contact,
    HandoffStatus,
    compute_status,
    contact_from_step,
    is_contact_type,
    render_handoff,
)
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event_from_step
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycle
from pathline_gateway.pathways.repository import StoredPathway, StoredStep
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

_TYPE_PREFIX: Final = "org.pathline.handoff."


def compute_lifecycles(steps: Iterable[Step], elsewhere: Iterable[Step]) -> list[Lifecycle]:
    """The hand-offs that these steps of a pathway are about, in the order of their ids.

    What a person says of a hand-off counts on the pathway on which it was offered: anybody could name anybody's.
    """
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    citizen_events: list[tuple[str, HandoffEvent]] = []
    handoff_ids, offered_here = set(), set()
    for step in steps:
        event = handoff_event_from_step(step)
        if event is None or event.handoff is None:
            continue
        handoff_ids.add(event.handoff)
        if event.org == CITIZEN_ORGANISATION:
            citizen_events.append((event.handoff, event))
            continue
        events[event.handoff].append(event)
        if event.verb == "offered" and event.handoff.startswith(f"{event.org}:"):
            offered_here.add(event.handoff)
    for step in elsewhere:
        if (event := handoff_event_from_step(step)) is not None and event.handoff in handoff_ids:
            events[event.handoff].append(event)
    for handoff, event in citizen_events:
        if handoff in offered_here:
            events[handoff].append(event)
    return [compute_lifecycle(handoff, events[handoff]) for handoff in sorted(handoff_ids)]


def current_receivers(lifecycles: Iterable[Lifecycle]) -> set[str]:
    """The organisations that are asked now."""
    return {life.receiver for life in lifecycles if life.receiver is not None}


def compute_statuses(
    lifecycles: Collection[Lifecycle],
    steps: Iterable[Step],
    registered_orgs: Container[str],
    now: datetime,
    extra_contacts: Mapping[str, Sequence[Contact]] = MappingProxyType({}),
) -> list[HandoffStatus]:
    """Their clocks; `steps` are those of the pathway, and `registered_orgs` the organisations on the register.

    `extra_contacts`: further contacts that are known, by hand-off.
    """
    receiver_orgs = current_receivers(lifecycles)
    contacts = [
        parsed_contact
        for step in steps
        if step.org in receiver_orgs and (parsed_contact := contact_from_step(step)) is not None
    ]
    return [
        compute_status(life, (*contacts, *extra_contacts.get(life.handoff, ())), registered_orgs, now)
        for life in lifecycles
    ]


def sort_by_offer(statuses: Iterable[HandoffStatus]) -> list[HandoffStatus]:
    """The first offered first, and last those of which no offer is known."""
    return sorted(statuses, key=lambda each: (each.offered_at or instant.LATEST, each.lifecycle.handoff))


def render_handoffs(statuses: Sequence[HandoffStatus]) -> list[dict[str, Any]]:
    """As they are served, in order."""
    return [render_handoff(each, statuses) for each in sort_by_offer(statuses)]


def names_handoff(stored: StoredPathway) -> bool:
    """Whether there is anything to look at."""
    return any(row.handoff is not None for row in stored.rows)


def handoff_steps(stored: StoredPathway) -> list[Step]:
    """The steps that hand-offs are told from."""
    handoff_rows = [row for row in stored.rows if row.handoff is not None]
    return _steps(stored, [row for row in handoff_rows if stored.types[row.type].startswith(_TYPE_PREFIX)])


def contact_steps_of(stored: StoredPathway, orgs: Container[str]) -> list[Step]:
    """The contacts by these organisations, which may end a waiting."""
    contact_types = {n for n, name in stored.types.items() if is_contact_type(name)}
    org_refs = {n for n, (org, _) in stored.refs.items() if org in orgs}
    return (
        _steps(stored, [row for row in stored.rows if row.type in contact_types and row.ref in org_refs])
        if org_refs
        else []
    )


def _steps(stored: StoredPathway, rows: list[StoredStep]) -> list[Step]:
    return StoredPathway(rows, stored.sources, stored.types, stored.refs).steps()
