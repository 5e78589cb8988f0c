"""The hand-offs of one pathway, each with its state and deadlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pathline import instant
from pathline_gateway.handoffs.deadlines import Contact, HandoffStatus, contact, contact_type, served, status_of
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.lifecycle import Lifecycle, lifecycle
from pathline_gateway.pathways.repository import StoredPathway, StoredStep
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZENS

_HANDOFF: Final = "org.pathline.handoff."


def lifecycles_of(steps: Iterable[Step], elsewhere: Iterable[Step]) -> list[Lifecycle]:
    """The hand-offs that these steps of a pathway are about, in the order of their ids.

    What a person says of a hand-off counts on the pathway on which it was offered: anybody could name anybody's.
    """
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    of_persons: list[tuple[str, HandoffEvent]] = []
    here, offered = set(), set()
    for step in steps:
        event = handoff_event(step)
        if event is None or event.handoff is None:
            continue
        here.add(event.handoff)
        if event.org == CITIZENS:
            of_persons.append((event.handoff, event))
            continue
        events[event.handoff].append(event)
        if event.verb == "offered" and event.handoff.startswith(f"{event.org}:"):
            offered.add(event.handoff)
    for step in elsewhere:
        if (event := handoff_event(step)) is not None and event.handoff in here:
            events[event.handoff].append(event)
    for handoff, event in of_persons:
        if handoff in offered:
            events[handoff].append(event)
    return [lifecycle(handoff, events[handoff]) for handoff in sorted(here)]


def receivers(found: Iterable[Lifecycle]) -> set[str]:
    """The organisations that are asked now."""
    return {life.to for life in found if life.to is not None}


def with_deadlines(
    found: Collection[Lifecycle],
    steps: Iterable[Step],
    registered: Container[str],
    now: datetime,
    also: Mapping[str, Sequence[Contact]] = MappingProxyType({}),
) -> list[HandoffStatus]:
    """Their clocks; `steps` are those of the pathway, and `registered` the organisations on the register.

    `also`: further contacts that are known, by hand-off.
    """
    asked = receivers(found)
    contacts = [met for step in steps if step.org in asked and (met := contact(step)) is not None]
    return [status_of(life, (*contacts, *also.get(life.handoff, ())), registered, now) for life in found]


def in_order(found: Iterable[HandoffStatus]) -> list[HandoffStatus]:
    """The first offered first, and last those of which no offer is known."""
    return sorted(found, key=lambda each: (each.offered or instant.LATEST, each.life.handoff))


def bodies(found: Sequence[HandoffStatus]) -> list[dict[str, Any]]:
    """As they are served, in order."""
    return [served(each, found) for each in in_order(found)]


def has_handoffs(stored: StoredPathway) -> bool:
    """Whether there is anything to look at."""
    return any(row.handoff is not None for row in stored.rows)


def told_from(stored: StoredPathway) -> list[Step]:
    """The steps that hand-offs are told from."""
    named = [row for row in stored.rows if row.handoff is not None]
    return _steps(stored, [row for row in named if stored.types[row.type].startswith(_HANDOFF)])


def contacts_by(stored: StoredPathway, orgs: Container[str]) -> list[Step]:
    """The contacts by these organisations, which may end a waiting."""
    kinds = {n for n, name in stored.types.items() if contact_type(name)}
    theirs = {n for n, (org, _) in stored.refs.items() if org in orgs}
    return _steps(stored, [row for row in stored.rows if row.type in kinds and row.ref in theirs]) if theirs else []


def _steps(stored: StoredPathway, rows: list[StoredStep]) -> list[Step]:
    return StoredPathway(rows, stored.sources, stored.types, stored.refs).steps()
