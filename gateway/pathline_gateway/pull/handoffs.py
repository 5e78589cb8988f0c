"""The hand-offs of a pathway, as they are served: each with its state and clocks. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import Clocks, clocks, contact, contact_type, served
from pathline_gateway.handoff.event import HandoffEvent, handoff_event, handoff_of
from pathline_gateway.handoff.lifecycle import Lifecycle, lifecycle
from pathline_gateway.store.pathways import Row, Stored

MOST: Final = 512
"""Events of one hand-off that are looked at: an id that is used for everybody is nobody's."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_HANDOFF: Final = "org.pathline.handoff."


def lives(steps: Iterable[Step], elsewhere: Iterable[Step]) -> list[Lifecycle]:
    """The hand-offs that these steps of a pathway are about, in the order of their ids."""
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    here = set()
    for step in steps:
        if (event := handoff_event(step)) is not None and (handoff := handoff_of(step)) is not None:
            events[handoff].append(event)
            here.add(handoff)
    for step in elsewhere:
        if (event := handoff_event(step)) is not None and (handoff := handoff_of(step)) in here:
            events[handoff].append(event)
    return [lifecycle(handoff, found) for handoff, found in sorted(events.items()) if len(found) <= MOST]


def receivers(found: Iterable[Lifecycle]) -> set[str]:
    """The organisations that are asked now."""
    return {life.to for life in found if life.to is not None}


def clocked(
    found: Collection[Lifecycle], steps: Iterable[Step], registered: Container[str], now: datetime
) -> list[Clocks]:
    """Their clocks; `steps` are those of the pathway, and `registered` the organisations on the register."""
    asked = receivers(found)
    contacts = [met for step in steps if step.org in asked and (met := contact(step)) is not None]
    return [clocks(life, contacts, registered, now) for life in found]


def in_order(found: Iterable[Clocks]) -> list[Clocks]:
    """The first offered first, and last those of which no offer is known."""
    return sorted(found, key=lambda each: (each.offered or _NEVER, each.life.handoff))


def bodies(found: Sequence[Clocks]) -> list[dict[str, Any]]:
    """As they are served, in order."""
    return [served(each, found) for each in in_order(found)]


def has_handoffs(stored: Stored) -> bool:
    """Whether there is anything to look at."""
    return any(row.handoff is not None for row in stored.rows)


def told_of(stored: Stored) -> list[Step]:
    """The steps that hand-offs are told from, and the contacts that may end their waiting."""
    kinds = {n for n, name in stored.types.items() if name.startswith(_HANDOFF) or contact_type(name)}
    wanted: list[Row] = [row for row in stored.rows if row.type in kinds]
    return Stored(wanted, stored.sources, stored.types, stored.refs).steps()
