"""What organisations may see of a pathway, looked up once in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg

from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import stated
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.off_loop import off_loop
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.visibility.frame import Frame, frame_of
from pathline_gateway.visibility.policy import VisiblePathway, VisibleStep, offered, visible

Identity = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True, slots=True)
class PathwayLook:
    """What one organisation sees of a pathway, for one purpose: of steps that were asked about, and a few besides."""

    seen: VisiblePathway
    shown: Mapping[Identity, VisibleStep]
    """By source and id."""


@dataclass
class _OfPathway:
    """What was looked up of one pathway."""

    frame: Frame
    looks: dict[Reader, PathwayLook | None] = field(default_factory=dict)
    """Of what was looked up so far."""


@dataclass
class VisibilityCache:
    """What is seen at one instant, within one transaction: told from single steps, and never from the whole pathway."""

    connection: asyncpg.Connection
    now: datetime
    _expected: dict[UUID, dict[Identity, None]] = field(default_factory=dict)
    _known: dict[UUID, _OfPathway | None] = field(default_factory=dict)

    def expect(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """These events (of rows with pathway, source and id) may be asked about."""
        for row in rows:
            expected = self._expected.setdefault(row["pathway"], {})
            expected[row["source"], row["id"]] = None

    async def sees(self, subscription: Subscription, pathway: UUID, event: Identity) -> bool:
        """Whether the event is shown to the subscription's organisation, for its purpose."""
        found = await self.of(subscription, pathway, event)
        return found is not None and event in found.shown

    async def of(self, subscription: Subscription, pathway: UUID, event: Identity | None = None) -> PathwayLook | None:
        """What the organisation sees of this pathway: of this event, of hand-offs and of mandates."""
        of = await self._of_pathway(pathway)
        if of is None:
            return None
        asked = () if event is None else (event, *self._expected.get(pathway, ()))
        if await of.frame.put(asked):
            of.looks.clear()
        return await self._look(of, reader(subscription))

    async def with_contacts(self, subscription: Subscription, pathway: UUID) -> PathwayLook | None:
        """The same, of hand-offs with the contacts that their clocks stop at."""
        of = await self._of_pathway(pathway)
        if of is None:
            return None
        as_whom = reader(subscription)
        if await of.frame.put_contacts(as_whom):
            of.looks.clear()
        return await self._look(of, as_whom)

    async def _of_pathway(self, pathway: UUID) -> _OfPathway | None:
        if pathway not in self._known:
            frame = await frame_of(self.connection, pathway)
            self._known[pathway] = _OfPathway(frame) if isinstance(frame, Frame) else None
        return self._known[pathway]

    async def _look(self, of: _OfPathway, as_whom: Reader) -> PathwayLook | None:
        if as_whom not in of.looks:
            known = await of.frame.known(as_whom)
            seen = await off_loop(
                len(known.steps), lambda: visible(as_whom, self.now, known) or offered(as_whom, known)
            )
            shown = {} if seen is None else {(each.told.step.source, each.told.step.id): each for each in seen.steps}
            of.looks[as_whom] = None if seen is None else PathwayLook(seen, shown)
        return of.looks[as_whom]


def reader(subscription: Subscription) -> Reader:
    """As whom a subscription reads."""
    return _reader(subscription.org, subscription.purpose, subscription.authority)


@lru_cache(maxsize=1024)
def _reader(org: str, purpose: str, authority: str | None) -> Reader:
    found = reader_of(Caller(frozenset((Role.SUBSCRIBER,)), org=org), stated(purpose, authority))
    assert found is not None
    return found
