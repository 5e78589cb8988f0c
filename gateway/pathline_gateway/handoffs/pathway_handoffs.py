"""The hand-offs of one pathway, each with its state and deadlines. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pathline import instant
from pathline_gateway.handoffs.deadlines import (
    Contact,
    HandoffStatus,
    compute_status,
    contact_from_step,
)
from pathline_gateway.handoffs.event import HandoffStep
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycle, group_by_handoff
from pathline_gateway.handoffs.rendering import render_handoff
from pathline_gateway.handoffs.returned import find_returned
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION


def compute_pathway_lifecycles(steps: Iterable[Step], elsewhere: Iterable[Step]) -> list[Lifecycle]:
    """The hand-offs that these steps of a pathway are about, in the order of their ids.

    What a person says of a hand-off counts on the pathway on which it was offered: anybody could name anybody's.
    """
    here = group_by_handoff(steps)
    there = group_by_handoff(elsewhere, here)
    return [
        compute_lifecycle(
            handoff, [each.event for each in (*_that_count(handoff, here[handoff]), *there.get(handoff, ()))]
        )
        for handoff in sorted(here)
    ]


def _that_count(handoff: str, steps: Sequence[HandoffStep]) -> Iterable[HandoffStep]:
    """These steps, less what a person said where the hand-off was offered on another pathway."""
    offered_here = any(
        event.verb == "offered" and event.org != CITIZEN_ORGANISATION and handoff.startswith(f"{event.org}:")
        for _, event in steps
    )
    return (each for each in steps if offered_here or each.event.org != CITIZEN_ORGANISATION)


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
    """Their statuses; `steps` are those of the pathway, and `registered_orgs` the organisations on the register.

    `extra_contacts`: further contacts that are known, by hand-off.
    """
    receiver_orgs = current_receivers(lifecycles)
    contacts: defaultdict[str | None, list[Contact]] = defaultdict(list)
    for step in steps:
        if step.org in receiver_orgs and (parsed_contact := contact_from_step(step)) is not None:
            contacts[step.org].append(parsed_contact)
    return [
        compute_status(
            life, (*contacts.get(life.receiver, ()), *extra_contacts.get(life.handoff, ())), registered_orgs, now
        )
        for life in lifecycles
    ]


def sort_by_offer(statuses: Iterable[HandoffStatus]) -> list[HandoffStatus]:
    """The first offered first, and last those of which no offer is known."""
    return sorted(statuses, key=lambda each: (each.offered_at or instant.LATEST, each.lifecycle.handoff))


def render_handoffs(statuses: Sequence[HandoffStatus]) -> list[dict[str, Any]]:
    """As they are served, in order."""
    returned = find_returned(statuses)
    return [render_handoff(each, returned.get(each.lifecycle.handoff)) for each in sort_by_offer(statuses)]
