"""Bodies that were served to those who see everything, for as long as they are what would be served again.

An entry counts while the refs of the pathway have the revisions that it was made of, until the next instant at which a
hand-off of it is told otherwise. What has no revision is looked at by itself: who of its receivers is registered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus
from pathline_gateway.pathways.repository import PathwayMembers

_MAX_SHARE: Final = 16
"""No body takes more than this part of the room: a few long pathways would drive out all others."""
_OVERHEAD_BYTES: Final = 1_000
"""What an entry takes besides its body."""


class Lifespan(NamedTuple):
    """How long a body is what would be served again, while no revision moves."""

    since: datetime
    until: datetime
    """The last instant at which it is."""
    unregistered_orgs: Set[str] = frozenset()
    """Receivers that were not on the register, so that nobody could say that they are silent."""


class ServedBody(NamedTuple):
    """A body, its version, and how long it lasts."""

    version: str
    body: bytes
    lifespan: Lifespan


@dataclass
class BodyCache:
    """One for each process; the body that nobody asked for the longest goes first."""

    max_bytes: int
    _entries: OrderedDict[UUID, tuple[PathwayMembers, ServedBody]] = field(default_factory=OrderedDict)
    _size: int = 0

    def __contains__(self, pathway: UUID) -> bool:
        return pathway in self._entries

    def find(self, members: PathwayMembers, now: datetime) -> ServedBody | None:
        """The body of this pathway at these revisions and this instant."""
        entry = self._entries.get(members.pathway)
        if entry is None:
            return None
        kept_members, served = entry
        if kept_members != members or not served.lifespan.since <= now <= served.lifespan.until:
            return None
        self._entries.move_to_end(members.pathway)
        return served

    def put(self, members: PathwayMembers, served: ServedBody) -> None:
        """This is what is served now, of this pathway at these revisions."""
        self.drop(members.pathway)
        size = _size_of(served)
        if size * _MAX_SHARE > self.max_bytes:
            return
        self._entries[members.pathway] = members, served
        self._size += size
        while self._size > self.max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, pathway: UUID) -> None:
        """Nothing is kept of this pathway."""
        entry = self._entries.pop(pathway, None)
        if entry is not None:
            self._size -= _size_of(entry[1])


NO_CACHE: Final = BodyCache(0)
"""Keeps nothing."""


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


def _size_of(served: ServedBody) -> int:
    return len(served.body) + _OVERHEAD_BYTES
