"""How long a body is what would be served again, while nothing that it was made of changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from typing import NamedTuple

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus


class Lifespan(NamedTuple):
    """How long a body is what would be served again, while no revision moves."""

    since: datetime
    until: datetime
    """The last instant at which it is."""
    unregistered_orgs: Set[str] = frozenset()
    """Receivers that were not on the register, so that nobody could say that they are silent."""


def lifespan_of(statuses: Iterable[HandoffStatus], now: datetime) -> Lifespan:
    """How long these hand-offs are told as they are at this instant, while no revision moves."""
    until, unregistered = instant.LATEST, set[str]()
    for status in statuses:
        if not status.is_observable and status.lifecycle.receiver is not None:
            unregistered.add(status.lifecycle.receiver)
        for stage in STAGES:
            due = status.due.get(stage)
            # A receiver is silent after its deadline, not at it.
            if due is not None and due >= now and stage not in status.answered_at:
                until = min(until, due)
    return Lifespan(now, until, frozenset(unregistered))
