"""What the organisation of a subscription may see of others' events, looked up once for each pathway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import asyncpg

from pathline_gateway.pull.sight import seen_or_offered
from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.trust.caller import Caller, Role
from pathline_gateway.trust.reader import Reader, reader_of
from pathline_gateway.trust.stated import stated
from pathline_gateway.trust.visible import Seen, Shown

Identity = tuple[str, str]
"""Source and id of an event."""
_Asked = tuple[str, str, str | None, UUID]


@dataclass
class Sight:
    """What is seen at one instant, within one transaction."""

    connection: asyncpg.Connection
    now: datetime
    _seen: dict[_Asked, tuple[Seen, Mapping[Identity, Shown]] | None] = field(default_factory=dict)

    async def sees(self, subscription: Subscription, pathway: UUID, event: Identity) -> bool:
        """Whether the event is shown to the subscription's organisation, for its purpose."""
        found = await self.of(subscription, pathway)
        return found is not None and event in found[1]

    async def of(self, subscription: Subscription, pathway: UUID) -> tuple[Seen, Mapping[Identity, Shown]] | None:
        """What the organisation sees of this pathway, and each event in it."""
        asked = (subscription.org, subscription.purpose, subscription.authority, pathway)
        if asked not in self._seen:
            seen = await seen_or_offered(self.connection, reader(subscription), self.now, pathway)
            shown = {} if seen is None else {(each.told.step.source, each.told.step.id): each for each in seen.steps}
            self._seen[asked] = None if seen is None else (seen, shown)
        return self._seen[asked]


def reader(subscription: Subscription) -> Reader:
    """As whom a subscription reads."""
    return _reader(subscription.org, subscription.purpose, subscription.authority)


@lru_cache(maxsize=1024)
def _reader(org: str, purpose: str, authority: str | None) -> Reader:
    found = reader_of(Caller(frozenset((Role.SUBSCRIBER,)), org=org), stated(purpose, authority))
    assert found is not None
    return found
