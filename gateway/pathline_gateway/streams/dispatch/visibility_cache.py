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
from pathline_gateway.auth.purpose import parse_access_purpose
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.visibility.policy import VisiblePathway, VisibleStep, compute_offered, compute_visible
from pathline_gateway.visibility.policy_inputs import PolicyInputs, load_policy_inputs

Identity = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True, slots=True)
class PathwayView:
    """What one organisation sees of a pathway, for one purpose: of steps that were asked about, and a few besides."""

    visible_pathway: VisiblePathway
    visible_steps: Mapping[Identity, VisibleStep]
    """By source and id."""


@dataclass
class _PathwayEntry:
    """What was looked up of one pathway."""

    inputs: PolicyInputs
    views: dict[Reader, PathwayView | None] = field(default_factory=dict)
    """Of what was looked up so far."""


@dataclass
class VisibilityCache:
    """What is seen at one instant, within one transaction: told from single steps, and never from the whole pathway."""

    connection: asyncpg.Connection
    now: datetime
    _expected: dict[UUID, dict[Identity, None]] = field(default_factory=dict)
    _pathways: dict[UUID, _PathwayEntry | None] = field(default_factory=dict)

    def expect(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """These events (of rows with pathway, source and id) may be asked about."""
        for row in rows:
            expected = self._expected.setdefault(row["pathway"], {})
            expected[row["source"], row["id"]] = None

    async def can_see(self, subscription: Subscription, pathway: UUID, event: Identity) -> bool:
        """Whether the event is shown to the subscription's organisation, for its purpose."""
        view = await self.view(subscription, pathway, event)
        return view is not None and event in view.visible_steps

    async def view(
        self, subscription: Subscription, pathway: UUID, event: Identity | None = None
    ) -> PathwayView | None:
        """What the organisation sees of this pathway: of this event, of hand-offs and of mandates."""
        entry = await self._load_pathway(pathway)
        if entry is None:
            return None
        event_ids = () if event is None else (event, *self._expected.get(pathway, ()))
        if await entry.inputs.load_events(event_ids):
            entry.views.clear()
        return await self._view(entry, subscription_reader(subscription))

    async def view_with_contacts(self, subscription: Subscription, pathway: UUID) -> PathwayView | None:
        """The same, of hand-offs with the contacts that their clocks stop at."""
        entry = await self._load_pathway(pathway)
        if entry is None:
            return None
        as_reader = subscription_reader(subscription)
        if await entry.inputs.load_contacts(as_reader):
            entry.views.clear()
        return await self._view(entry, as_reader)

    async def _load_pathway(self, pathway: UUID) -> _PathwayEntry | None:
        if pathway not in self._pathways:
            inputs = await load_policy_inputs(self.connection, pathway)
            self._pathways[pathway] = _PathwayEntry(inputs) if isinstance(inputs, PolicyInputs) else None
        return self._pathways[pathway]

    async def _view(self, entry: _PathwayEntry, as_reader: Reader) -> PathwayView | None:
        if as_reader not in entry.views:
            pathway_context = await entry.inputs.build_context(as_reader)
            visible_pathway = await run_off_loop(
                len(pathway_context.steps),
                lambda: (
                    compute_visible(as_reader, self.now, pathway_context) or compute_offered(as_reader, pathway_context)
                ),
            )
            visible_steps = (
                {}
                if visible_pathway is None
                else {(each.parsed.step.source, each.parsed.step.id): each for each in visible_pathway.steps}
            )
            entry.views[as_reader] = None if visible_pathway is None else PathwayView(visible_pathway, visible_steps)
        return entry.views[as_reader]


def subscription_reader(subscription: Subscription) -> Reader:
    """As whom a subscription reads."""
    return _cached_reader(subscription.org, subscription.purpose, subscription.authority)


@lru_cache(maxsize=1024)
def _cached_reader(org: str, purpose: str, authority: str | None) -> Reader:
    resolved_reader = reader_of(
        Caller(frozenset((Role.SUBSCRIBER,)), org=org), parse_access_purpose(purpose, authority)
    )
    assert resolved_reader is not None
    return resolved_reader
