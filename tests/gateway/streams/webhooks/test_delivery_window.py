"""A window of deliveries beside a model of Postgres and the endpoint: in order, none twice, none lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.delivery_rows import PendingEvent
from pathline_gateway.streams.webhooks.delivery_window import NOTHING_BEFORE, DeliveryOffer, DeliveryWindow
from pathline_gateway.streams.webhooks.pushed_events import startable_prefix
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule, build_schedule

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
KEYS = [*(UUID(int=n) for n in range(1, 5)), None]
POLICY = DeliveryPolicy(max_held=5, failure_threshold=4)

RARE = (2234, 987)
"""Lives in which pathways become one: a delivery is held beyond what was fetched; as many are held as may be."""


@dataclass
class Model:
    """What Postgres keeps, and what the endpoint was posted; the oracle of a window."""

    window: DeliveryWindow
    keys: list[UUID | None] = field(default_factory=list)
    """The ordering key of each number, from 1 on, as it is now."""
    acked_through: int = 0
    held: dict[int, datetime] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    ever_dead: set[int] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)
    posted: set[int] = field(default_factory=set)
    consecutive_failures: int = 0
    now: datetime = NOW
    is_changed: bool = False
    """Somebody had something delivered again: only a fetch finds that."""

    def pending(self, number: int) -> PendingEvent:
        at = self.held.get(number)
        return PendingEvent(number, NOW, self.keys[number - 1], 0, None, at, at is not None)

    def fetch(self, lookahead: int, slots: int) -> None:
        through = min(len(self.keys), self.acked_through + lookahead)
        numbers = {*self.held, *range(self.acked_through + 1, through + 1)} - self.dead
        found = [self.pending(number) for number in sorted(numbers)]
        self.is_changed = False
        self.window.offer(DeliveryOffer(NOTHING_BEFORE, through, self.acked_through, len(self.keys), found, {}))
        schedule = self.window.schedule(slots, self.consecutive_failures, self.now)
        self.hold(schedule.hold)
        self.start(schedule.start, {*numbers})

    def give(self, new: list[UUID | None], slots: int, *, push: bool) -> None:
        after = len(self.keys)
        push &= not self.is_changed and self.window.has_started_all and self.window.last_number == after
        self.keys += new
        if not push:
            return
        moved = {number: self.keys[number - 1] for number in self.window.in_flight}
        numbers = range(after + 1, after + 1 + startable_prefix(new, moved.values(), slots))
        found = [self.pending(number) for number in numbers]
        self.window.offer(
            DeliveryOffer(after, after + len(found), self.window.acked_through, len(self.keys), found, moved)
        )
        schedule = self.window.schedule(slots, 0, self.now)
        assert not schedule.hold
        assert list(schedule.start) == list(numbers), "what is pushed starts at once, as a fetch would have it"
        self.start(schedule.start, {*numbers})

    def start(self, numbers: Iterable[int], offered: set[int]) -> None:
        for number in numbers:
            assert number in offered
            assert number not in self.posted, f"{number} is in flight twice"
            assert number not in self.delivered | self.dead, f"{number} was done before"
            key = self.keys[number - 1]
            earlier = {n for n in range(1, number) if key is not None and self.keys[n - 1] == key}
            assert earlier <= self.delivered | self.ever_dead, f"{number} overtakes one of {earlier}"
            self.window.start(number)
            self.posted.add(number)
        assert set(self.window.in_flight) == self.posted

    def hold(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            assert number not in self.delivered | self.posted
            self.held.setdefault(number, NOW)
        self.window.hold(numbers)

    def hold_skipped(self) -> None:
        if not self.posted and (skipped := self.window.skipped()):
            self.hold(skipped)

    def end(self, delivered: set[int], retried: set[int], dead: set[int]) -> None:
        if not (delivered | retried | dead or self.window.can_advance):
            return
        self.window.finish(delivered | dead, dict.fromkeys(retried, LATER))
        self.posted -= delivered | retried | dead
        self.delivered |= delivered
        self.dead |= dead
        self.ever_dead |= dead
        self.consecutive_failures = 0 if delivered else self.consecutive_failures + len(retried | dead)
        self.held |= dict.fromkeys(retried, LATER)
        for number in delivered | dead:
            self.held.pop(number, None)
        self.acked_through = self.window.acked_through
        unfinished = {*range(1, self.acked_through + 1)} - self.delivered - self.dead - self.held.keys()
        assert not unfinished, f"passed {unfinished}"
        assert self.is_changed or self.acked_through + 1 not in self.held, "what is held may be passed"

    def redrive(self, number: int) -> None:
        self.dead.discard(number)
        self.held[number] = NOW
        self.is_changed = True

    def crash(self, window: DeliveryWindow) -> None:
        """Another process takes over: what was delivered ahead is not known to it."""
        self.window, self.posted = window, set()
        self.delivered = {number for number in self.delivered if number <= self.acked_through}

    def drain(self) -> None:
        """An endpoint that takes everything is sent everything."""
        for _ in range(4 * len(self.keys) + 20):
            self.now = LATER
            self.fetch(len(self.keys), 8)
            self.end(set(self.posted), set(), set())
            self.hold_skipped()
        assert self.delivered | self.dead == {*range(1, len(self.keys) + 1)}, "something is lost"
        assert self.acked_through == len(self.keys)
        assert not self.held


def live(chance: Random, kind: type[DeliveryWindow] = DeliveryWindow) -> None:
    """One endpoint's life: given, pushed, fetched, taken, refused, merged, redriven and taken over."""
    model = Model(kind(POLICY))
    for _ in range(chance.randint(1, 60)):
        slots = chance.randint(0, 4)
        act = chance.random()
        if act < 0.3:
            model.give(
                [chance.choice(KEYS) for _ in range(chance.randint(1, 4))],
                max(0, slots - len(model.posted)),
                push=chance.random() < 0.8,
            )
        elif act < 0.6:
            model.fetch(chance.randint(1, 14), max(0, slots - len(model.posted)))
        elif act < 0.9:
            ended = {number for number in model.posted if chance.random() < 0.6}
            failed = {number for number in ended if chance.random() < 0.3}
            dead = {number for number in failed if chance.random() < 0.2}
            model.end(ended - failed, failed - dead, dead)
            model.hold_skipped()
        elif act < 0.95:
            model.now = chance.choice((NOW, LATER))
        elif act < 0.97 and model.keys:  # two pathways have become one
            from_key, to_key = chance.sample(KEYS[:4], 2)
            model.keys = [to_key if key == from_key else key for key in model.keys]
        elif act < 0.985 and model.dead:
            model.redrive(chance.choice(sorted(model.dead)))
        else:
            model.crash(kind(POLICY))
    model.drain()


@given(st.integers(0, 2**32 - 1))
@example(RARE[0])
@example(RARE[1])
def test_deliveries_are_in_order_and_none_is_in_flight_twice_or_lost(seed: int) -> None:
    live(Random(seed))


class _IgnoresBusyKeys(DeliveryWindow):
    def schedule(self, free_slots: int, consecutive_failures: int, now: datetime) -> DeliverySchedule:
        window = DeliveryWindow(POLICY)
        window._events = {n: each for n, each in self._events.items() if n not in self._in_flight}
        window._through = self._through
        return window.schedule(free_slots, consecutive_failures, now)


class _PassesWhatIsInFlight(DeliveryWindow):
    def _is_passable(self, number: int) -> bool:
        return number in self._in_flight or super()._is_passable(number)


class _ForgetsWhatIsDone(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        self._acked_ahead = set()
        super().offer(offer)


class _ForgetsWhatIsInFlight(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        self._in_flight = set()
        super().offer(offer)


class _LosesTheLast(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        super().offer(offer._replace(events=offer.events[:-1]))


class _ForgetsThatPathwaysBecameOne(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        before = dict(self._events)
        super().offer(offer)
        for number in self._in_flight:
            self._events[number] = self._events[number]._replace(ordering_key=before[number].ordering_key)


class _LosesWhatIsHeld(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        super().offer(offer._replace(events=[each for each in offer.events if not each.is_held]))


class _ForgetsToHold(DeliveryWindow):
    def skipped(self) -> list[int]:
        return []

    def schedule(self, free_slots: int, consecutive_failures: int, now: datetime) -> DeliverySchedule:
        return super().schedule(free_slots, consecutive_failures, now)._replace(hold=())

    def _is_passable(self, number: int) -> bool:
        return super()._is_passable(number) or any(done > number for done in self._acked_ahead)


class _StartsWhatIsHeldBeyondWhatIsKnown(DeliveryWindow):
    def offer(self, offer: DeliveryOffer) -> None:
        super().offer(offer)
        self._through = offer.last_number


class _StartsWhatIsHeldAloneWhereTooManyAre(DeliveryWindow):
    def _schedulable(self) -> list[PendingEvent]:
        is_full = sum(each.is_held for each in self._events.values()) >= POLICY.max_held
        return [each for each in super()._schedulable() if each.is_held or not is_full]


class _StartsInAnyOrder(DeliveryWindow):
    def schedule(self, free_slots: int, consecutive_failures: int, now: datetime) -> DeliverySchedule:
        waiting = super().schedule(0, consecutive_failures, now)
        found = build_schedule([], (), 0, now)
        numbers = [each.number for each in self._waiting()][::-1]
        return found._replace(start=numbers[:free_slots], hold=waiting.hold)


FAULTS = [
    _IgnoresBusyKeys,
    _PassesWhatIsInFlight,
    _ForgetsWhatIsDone,
    _ForgetsWhatIsInFlight,
    _LosesTheLast,
    _ForgetsThatPathwaysBecameOne,
    _LosesWhatIsHeld,
    _ForgetsToHold,
    _StartsWhatIsHeldBeyondWhatIsKnown,
    _StartsWhatIsHeldAloneWhereTooManyAre,
    _StartsInAnyOrder,
]


def _is_found(fault: type[DeliveryWindow], seed: int) -> bool:
    try:
        live(Random(seed), fault)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_window_is_found(fault: type[DeliveryWindow]) -> None:
    assert any(_is_found(fault, seed) for seed in (*RARE, *range(300))), "the model is blind to it"
