"""What one sink worker knows of its deliveries: what is in flight, done or held, and what may start next. Pure.

Push and fetch both enter through `DeliveryWindow.offer`. A number is in one state at a time: waiting, in flight, held
behind a retry, or done. Up to `acked_through` every number is done, or held and written down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.delivery_rows import PendingEvent
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule, WaitingEvent, build_schedule, schedule_probe

NOTHING_BEFORE: Final = 0
"""The `after` of an offer that says all there is to know: deliveries are numbered from 1 on."""


class DeliveryOffer(NamedTuple):
    """What Postgres says of the deliveries after one number, up to another."""

    after: int
    """What the window knows of deliveries up to this number stays as it is."""
    through: int
    """Whatever lies after `after`, up to this number, and is not among the events was given up."""
    acked_through: int
    last_number: int
    """The last delivery that the subscription has."""
    events: Sequence[PendingEvent]
    """What is not done in that range, and all that is held, whatever its number."""
    ordering_keys: Mapping[int, UUID | None]
    """The ordering key that deliveries in flight have now, where it is not among the events."""


class DeliveryWindow:
    """The deliveries of one sink that its worker has to do with."""

    def __init__(self, policy: DeliveryPolicy) -> None:
        self.acked_through = 0
        self.last_number = 0
        self._policy = policy
        self._events: dict[int, PendingEvent] = {}
        """What is not done, by number: waiting, held or in flight."""
        self._in_flight: set[int] = set()
        self._acked_ahead: set[int] = set()
        """Numbers beyond `acked_through` that are done."""
        self._has_held = False
        """Whether anything was held at the last offer or since: others may be held that only Postgres knows."""
        self._through = 0
        """Up to this number everything is known; beyond it, only what is held, in flight or done."""

    @property
    def in_flight(self) -> list[int]:
        """The numbers whose requests have not ended."""
        return sorted(self._in_flight)

    @property
    def has_started_all(self) -> bool:
        """Whether every delivery of the subscription is done or in flight, and none is held."""
        started_count = len(self._in_flight) + len(self._acked_ahead)
        return not self._has_held and self.last_number - self.acked_through == started_count

    @property
    def has_backlog(self) -> bool:
        """Whether any delivery is not done."""
        return self.acked_through < self.last_number or self._has_held

    @property
    def progress_ahead(self) -> int:
        """How far beyond `acked_through` any delivery is done, held or in flight: an offer has to reach as far."""
        held = (number for number, event in self._events.items() if event.is_held)
        return max((0, *self._in_flight, *self._acked_ahead, *held)) - self.acked_through

    @property
    def can_advance(self) -> bool:
        """Whether `acked_through` would pass the next number: it was held or given up since."""
        return self._is_passable(self.acked_through + 1)

    def unstarted_behind(self, new: int) -> int:
        """How many deliveries stay that are neither done nor in flight, once so many more have started."""
        return self.last_number - self.acked_through - len(self._in_flight) - len(self._acked_ahead) - new

    def offer(self, offer: DeliveryOffer) -> None:
        """Takes over what Postgres says; what is in flight or done here stays so, whatever Postgres knows of it."""
        self.acked_through, self.last_number, self._through = offer.acked_through, offer.last_number, offer.through
        self._acked_ahead = {number for number in self._acked_ahead if number > offer.acked_through}
        known = {
            number: event
            for number, event in self._events.items()
            if number in self._in_flight or (number <= offer.after and (event.is_held or number > offer.acked_through))
        }
        for number, ordering_key in offer.ordering_keys.items():
            if number in known:
                known[number] = known[number]._replace(ordering_key=ordering_key)
        known |= {each.number: each for each in offer.events if each.number not in self._acked_ahead}
        self._events = known
        self._has_held = any(each.is_held for each in (*known.values(), *offer.events))
        first = max(offer.after, offer.acked_through) + 1
        self._acked_ahead |= {number for number in range(first, offer.through + 1) if number not in known}

    def schedule(self, free_slots: int, consecutive_failures: int, now: datetime) -> DeliverySchedule:
        """Which deliveries may start now, and which are to be held; nothing is changed by asking."""
        busy_keys = {key for number in self._in_flight if (key := self._events[number].ordering_key) is not None}
        waiting = [
            WaitingEvent(each.number, each.ordering_key, each.next_attempt_at, each.is_held)
            for each in self._schedulable()
        ]
        is_failing = consecutive_failures >= self._policy.failure_threshold
        if is_failing and free_slots and not self._in_flight:
            return schedule_probe(waiting, busy_keys, new=consecutive_failures % 2 == 1)
        return build_schedule(waiting, busy_keys, 0 if is_failing else free_slots, now)

    def start(self, number: int) -> None:
        """The request of this delivery has started."""
        assert number in self._events
        assert number not in self._in_flight, "a delivery starts once"
        self._in_flight.add(number)

    def event(self, number: int) -> PendingEvent:
        """A delivery that is not done."""
        return self._events[number]

    def finish(self, done: Collection[int], retry_at: Mapping[int, datetime]) -> None:
        """These requests have ended: their deliveries are done, or held until they are tried again."""
        for number in (*done, *retry_at):
            self._in_flight.remove(number)
        for number in done:
            del self._events[number]
        for number, at in retry_at.items():
            self._events[number] = self._events[number]._replace(is_held=True, next_attempt_at=at)
        self._has_held |= bool(retry_at)
        self._acked_ahead |= set(done)
        while self.can_advance:
            self.acked_through += 1
        self._acked_ahead = {number for number in self._acked_ahead if number > self.acked_through}

    def hold(self, numbers: Iterable[int]) -> None:
        """These wait behind another delivery, and Postgres keeps them: `acked_through` may pass them."""
        for number in numbers:
            self._events[number] = self._events[number]._replace(is_held=True)
            self._has_held = True

    def skipped(self) -> list[int]:
        """Waiting deliveries that one that is done has overtaken: Postgres has to keep them, or forgets the other."""
        last = max(self._acked_ahead, default=0)
        return [each.number for each in self._waiting() if each.number < last and not each.is_held]

    def _schedulable(self) -> list[PendingEvent]:
        """What waits; where too many are held, only these, and what has to be done before them."""
        # What is held beyond what is known may have to wait for a delivery in between: pathways become one.
        waiting = [each for each in self._waiting() if each.number <= max(self._through, self.acked_through)]
        held = [each for each in self._events.values() if each.is_held]
        if len(held) < self._policy.max_held:
            return waiting
        last_held = {key: each.number for each in sorted(held) if (key := each.ordering_key) is not None}
        return [
            each
            for each in waiting
            if each.is_held or ((key := each.ordering_key) is not None and each.number < last_held.get(key, 0))
        ]

    def _waiting(self) -> list[PendingEvent]:
        return [self._events[number] for number in sorted(self._events.keys() - self._in_flight)]

    def _is_passable(self, number: int) -> bool:
        return number in self._acked_ahead or ((event := self._events.get(number)) is not None and event.is_held)
