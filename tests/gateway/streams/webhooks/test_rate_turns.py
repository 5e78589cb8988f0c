"""Organisations take turns at a sink: held against a list of what each had to send, and when the sink was free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.rate_turns import GRACE, MIN_RETRY, WAITING_TTL, SinkTurns

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATE = GRACE - timedelta(seconds=0.1)
"""Nobody comes later than this after it was told to; who is gone never comes."""
NOTHING = timedelta()


class Begun(NamedTuple):
    """Requests that were begun."""

    at: datetime
    org: str
    n: int


@dataclass
class World:
    """What organisations have to send, and what becomes of it."""

    spacing: timedelta
    to_send: Counter[str]
    most: int
    """Requests that are begun together."""
    chance: Random
    late: timedelta = LATE
    gone: frozenset[str] = frozenset()
    """Organisations whose process ends once they are known to wait."""
    sink: SinkTurns = field(default_factory=lambda: SinkTurns(START, 0, {}))
    begun: list[Begun] = field(default_factory=list)

    def run(self) -> None:
        """Until all is sent; each asks when it was told to, or a little later."""
        asks = {org: START + self.late * self.chance.random() for org in self.to_send}
        while asks:
            org = min(asks, key=asks.__getitem__)
            now = asks.pop(org)
            n = min(self.to_send[org], self.chance.randint(1, self.most))
            left = self.to_send[org] - n
            after = self.sink.after_start(org, n, self.spacing, now, has_more=left > 0)
            if after is not None:
                self.begun.append(Begun(now, org, n))
                self.to_send[org] = left
            elif org in self.gone:
                self.sink = self.sink.after_wait(org, self.spacing, now)
                continue
            self.sink = self.sink.after_wait(org, self.spacing, now) if after is None else after
            if self.to_send[org]:
                comes_at = self.sink.retry_at(org, self.spacing, now)
                asks[org] = max(comes_at, now) + self.late * self.chance.random()


chances = st.integers(0, 2**32).map(Random)
spacings = st.sampled_from([0.005, 0.1, 1.0, 60.0]).map(lambda s: timedelta(seconds=s))
orgs = st.dictionaries(st.sampled_from(["clinic", "housing", "court", "school"]), st.integers(1, 60), min_size=1)


@given(spacings, orgs, st.integers(1, 8), chances)
def test_never_more_than_the_sink_allows_and_all_of_it_is_sent(
    spacing: timedelta, to_send: dict[str, int], most: int, chance: Random
) -> None:
    world = World(spacing, Counter(to_send), most, chance)
    world.run()
    assert Counter({org: sum(b.n for b in world.begun if b.org == org) for org in to_send}) == Counter(to_send)
    # Each window that begins with a request has room for those in it: the sink was closed for so long after each.
    for one, next in pairwise(world.begun):
        assert next.at - one.at >= one.n * spacing


@given(spacings, orgs, st.integers(1, 8), chances)
def test_nobody_waits_at_a_sink_that_is_free(
    spacing: timedelta, to_send: dict[str, int], most: int, chance: Random
) -> None:
    """For longer than whoever is next may be late; and whoever is not next asks again that soon."""
    world = World(spacing, Counter(to_send), most, chance)
    world.run()
    for one, next in pairwise(world.begun):
        assert next.at - (one.at + one.n * spacing) <= GRACE + LATE + max(MIN_RETRY, min(spacing, GRACE))


@given(spacings, orgs, st.integers(1, 8), chances)
def test_whoever_has_something_to_send_gets_a_share(
    spacing: timedelta, to_send: dict[str, int], most: int, chance: Random
) -> None:
    """While two have something to send, neither is ahead of the other by more than each may begin together, twice."""
    world = World(spacing, Counter(to_send), most, chance)
    world.run()
    for one in to_send:
        for other in to_send:
            # From when both have asked, until the first has nothing left.
            both = [b for b in world.begun if b.at >= START + LATE]
            ends = [max((b.at for b in world.begun if b.org == org), default=START) for org in (one, other)]
            both = [b for b in both if b.at <= min(ends)]
            sent = Counter[str]()
            for b in both:
                sent[b.org] += b.n
                assert abs(sent[one] - sent[other]) <= 3 * most


@given(st.integers(1, 8), chances)
def test_whoever_comes_late_is_next_and_has_nothing_to_catch_up_on(most: int, chance: Random) -> None:
    spacing = timedelta(seconds=1)
    world = World(spacing, Counter(clinic=50), most, chance, late=NOTHING)
    world.run()
    now = world.sink.open_at - timedelta(seconds=0.5)
    sink = world.sink.after_wait("clinic", spacing, now).after_wait("housing", spacing, now)
    opens = sink.open_at
    assert sink.after_start("housing", 1, spacing, now, has_more=False) is None
    assert sink.after_start("clinic", 1, spacing, opens, has_more=False) is None
    after = sink.after_start("housing", most, spacing, opens, has_more=True)
    assert after is not None
    assert after.after_start("clinic", 1, spacing, after.open_at, has_more=True) is not None


@given(spacings, st.integers(1, 60), st.integers(1, 8), chances)
def test_what_somebody_does_not_use_is_the_others(spacing: timedelta, n: int, most: int, chance: Random) -> None:
    """One whose process ends costs the others one wait, and not one for each of their requests."""
    world = World(spacing, Counter(clinic=n, housing=9), most, chance, late=NOTHING, gone=frozenset(["housing"]))
    world.sink = SinkTurns(START + timedelta(seconds=1), 0, {})
    world.run()
    last = world.begun[-1]
    sent_before = sum(b.n for b in world.begun[:-1])
    waits = GRACE + max(MIN_RETRY, min(spacing, GRACE))
    assert last.at <= START + timedelta(seconds=1) + sent_before * spacing + waits


@given(spacings, st.integers(1, 8))
def test_who_waits_is_known_for_a_while_and_then_forgotten(spacing: timedelta, n: int) -> None:
    sink = SinkTurns(START, 5, {}).after_wait("housing", spacing, START - timedelta(seconds=1))
    sink = sink.after_wait("clinic", spacing, START - timedelta(seconds=1))
    assert sink.after_start("clinic", n, spacing, START, has_more=False) is not None  # neither is ahead of the other
    ahead = sink.after_start("clinic", n, spacing, START, has_more=True)
    assert ahead is not None
    assert ahead.after_start("clinic", n, spacing, ahead.open_at, has_more=False) is None or n * spacing >= WAITING_TTL
    assert ahead.after_start("clinic", n, spacing, ahead.open_at + GRACE, has_more=False) is not None
