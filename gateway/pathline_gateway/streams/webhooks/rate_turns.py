"""Whose request is next at a rate-limited sink: organisations take turns.

By start-time fair queueing. Each organisation has a turn: how many requests it is ahead of where the sink began to
count. The lowest turn is next. An organisation that had nothing to send for a while starts where the others are. So
each has the same share, and the others use what one leaves. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

GRACE: Final = timedelta(seconds=0.5)
"""How long a free sink waits for whoever is next. Processes look at sinks that nobody has four times a second."""
WAITING_TTL: Final = timedelta(seconds=2)
"""For how long after it should have come back an organisation still counts as one that waits."""
MIN_RETRY: Final = timedelta(seconds=0.05)
"""Nobody is told to ask again sooner, where somebody else is next."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class QueuePlace(NamedTuple):
    """Where an organisation stands at a sink."""

    turn: int = 0
    """In requests."""
    waits_until: datetime = _LONG_AGO
    """It has something to send, as far as is known until then."""


@dataclass(frozen=True, slots=True)
class SinkTurns:
    """The queue of organisations at one sink."""

    open_at: datetime
    """When it allows another request, whoever the last was from."""
    turn: int
    """That of the last request, as it was begun."""
    places: Mapping[str, QueuePlace]
    """Of those who wait, and of whoever asks; by organisation."""

    def after_start(self, org: str, n: int, spacing: timedelta, now: datetime, *, has_more: bool) -> SinkTurns | None:
        """As it stands once this organisation has begun so many requests; None where it may not yet.

        `spacing`: how long the sink is closed for each. `has_more`: the organisation has more to send after these.
        """
        turn, orgs_ahead = self._turn_of(org, now), self._orgs_ahead_of(org, now)
        if now < self.open_at or (orgs_ahead and now < self.open_at + GRACE):
            return None
        open_at = now + n * spacing
        # Who was next and did not come waits no longer, until it asks: the sink is not kept free for it again.
        skipped_places = {each: self.places[each]._replace(waits_until=_LONG_AGO) for each in orgs_ahead}
        own_place = QueuePlace(turn + n, open_at + WAITING_TTL if has_more else _LONG_AGO)
        return SinkTurns(open_at, turn, {**self.places, **skipped_places, org: own_place})

    def after_wait(self, org: str, spacing: timedelta, now: datetime) -> SinkTurns:
        """As it stands once this organisation waits for its turn."""
        place = QueuePlace(self._turn_of(org, now), self.retry_at(org, spacing, now) + WAITING_TTL)
        return replace(self, places={**self.places, org: place})

    def retry_at(self, org: str, spacing: timedelta, now: datetime) -> datetime:
        """When an organisation that may not begin now asks again."""
        if now < self.open_at or not self._orgs_ahead_of(org, now):
            return max(now, self.open_at)
        return now + min(GRACE, max(MIN_RETRY, spacing))

    def _turn_of(self, org: str, now: datetime) -> int:
        place = self.places.get(org, QueuePlace())
        return place.turn if place.waits_until > now else max(place.turn, self.turn)

    def _orgs_ahead_of(self, org: str, now: datetime) -> list[str]:
        """Those who wait and are to come before this one."""
        turn = self._turn_of(org, now)
        return [
            each for each, place in self.places.items() if each != org and place.waits_until > now and place.turn < turn
        ]
