"""What is posted next keeps each pathway in order; nothing that may go waits, and nothing is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.attempt_result import (
    AttemptResult,
    Disposition,
    classify_failure,
    classify_response,
)
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.delivery_rows import PendingEvent
from pathline_gateway.streams.webhooks.delivery_window import NOTHING_BEFORE, DeliveryOffer, DeliveryWindow
from pathline_gateway.streams.webhooks.schedule import WaitingEvent, build_schedule, schedule_probe
from pathline_gateway.streams.webhooks.settlement import AttemptEnd, SinkHealth, settle_attempts

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LANES = [UUID(int=n) for n in range(4)]
lanes = st.none() | st.sampled_from(LANES)
POLICY = DeliveryPolicy()


@st.composite
def waiting(draw: st.DrawFn) -> list[WaitingEvent]:
    """Events in order; those that are held are tried again sooner or later."""
    found = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        held = draw(st.booleans())
        at = NOW + timedelta(seconds=draw(st.integers(-3, 3))) if held else None
        found.append(WaitingEvent(number, draw(lanes), at, held))
    return found


@given(waiting(), st.sets(st.sampled_from(LANES)), st.integers(0, 5))
def test_an_event_is_posted_when_it_is_the_first_of_its_pathway_and_due(
    found: list[WaitingEvent], busy: set[UUID], free: int
) -> None:
    def first(each: WaitingEvent) -> bool:
        earlier = [other.ordering_key for other in found if other.number < each.number]
        return each.ordering_key is None or (each.ordering_key not in busy and each.ordering_key not in earlier)

    due = [each for each in found if first(each) and not (each.held_until and each.held_until > NOW)]
    early = [each for each in found if first(each) and each.held_until and each.held_until > NOW]
    made = build_schedule(found, busy, free, NOW)
    assert list(made.start) == [each.number for each in due][:free]
    assert made.next_at == min((each.held_until for each in early if each.held_until), default=None)
    behind = {each.ordering_key for each in early if each.ordering_key is not None}
    assert list(made.hold) == [each.number for each in found if not each.is_held and each.ordering_key in behind]


@given(waiting(), st.sets(st.sampled_from(LANES)), st.booleans())
def test_a_probe_is_the_first_of_some_pathway_and_there_is_one_whenever_one_may_go(
    found: list[WaitingEvent], busy: set[UUID], new: bool
) -> None:
    heads = [
        each
        for n, each in enumerate(found)
        if each.ordering_key is None
        or (each.ordering_key not in busy and each.ordering_key not in {other.ordering_key for other in found[:n]})
    ]
    chosen = schedule_probe(found, busy, new=new).start
    assert len(chosen) == (1 if heads else 0)
    assert set(chosen) <= {each.number for each in heads}
    of_kind = [each for each in heads if each.is_held != new]
    assert not of_kind or set(chosen) <= {each.number for each in of_kind}


outcomes = st.sampled_from(
    [
        AttemptResult("delivered", Disposition.DELIVERED),
        classify_response(500, None, NOW, 60),
        classify_response(422, None, NOW, 60),
        classify_response(410, None, NOW, 60),
        classify_response(429, "5", NOW, 60),
        classify_failure("timed-out"),
    ]
)


@given(
    st.dictionaries(st.integers(1, 12), outcomes, max_size=8),
    st.sets(st.integers(1, 12)),
    st.sets(st.integers(1, 12)),
    st.integers(0, 8),
)
def test_no_number_is_passed_that_is_not_done_held_or_given_up(
    ended: dict[int, AttemptResult], held: set[int], done: set[int], in_row: int
) -> None:
    done -= set(ended) | held
    begun = [
        AttemptEnd(PendingEvent(n, NOW, None, n % 5, NOW if n % 5 else None, NOW, n in held), o)
        for n, o in ended.items()
    ]
    window = DeliveryWindow(POLICY)
    known = {n: PendingEvent(n, NOW, None, 0, None, None, n in held) for n in {*range(1, 13)} - done | held}
    window.offer(DeliveryOffer(NOTHING_BEFORE, 12, 0, 12, list(known.values()), {}))
    for each in begun:
        window.start(each.event.number)
    settlement = settle_attempts(begun, SinkHealth(in_row, None), POLICY, Random(1), NOW)
    window.finish(settlement.done, settlement.retry_at)
    what, since = settlement.rows(window.acked_through), window._acked_ahead
    given_up = {each.number for each in what.dead_letters}
    kept = held | {each.number for each in what.retries} | given_up
    accounted = kept | set(what.delivered) | done
    assert set(range(1, what.acked_through + 1)) <= accounted
    assert what.acked_through + 1 not in accounted
    assert set(ended) <= kept | set(what.delivered)
    assert since == {n for n in done | set(what.delivered) | given_up if n > what.acked_through}
    assert (what.stop_reason == "gone") == any(each.disposition is Disposition.GONE for each in ended.values())
    if ended and all(each.disposition is Disposition.DELIVERED for each in ended.values()):
        assert (what.consecutive_failures, what.failing_since, what.failure) == (0, None, None)


@pytest.mark.parametrize(
    ("status", "retry_after", "fate", "pause"),
    [
        (200, None, Disposition.DELIVERED, None),
        (204, "9", Disposition.DELIVERED, None),
        (302, None, Disposition.RETRY, None),
        (400, None, Disposition.CLIENT_ERROR, None),
        (408, None, Disposition.RETRY, None),
        (409, None, Disposition.RETRY, None),
        (425, None, Disposition.RETRY, None),
        (410, None, Disposition.GONE, None),
        (415, "9", Disposition.CLIENT_ERROR, None),
        (429, "9", Disposition.RETRY, 9),
        (429, "99999999", Disposition.RETRY, 60),
        (503, "Sun, 01 Mar 2026 09:00:30 GMT", Disposition.RETRY, 30),
        (503, "Sun, 01 Mar 2026 08:00:30 GMT", Disposition.RETRY, 0),
        (503, "Sat, 01 Mar 2036 08:00:30 GMT", Disposition.RETRY, 60),
        (503, "soon", Disposition.RETRY, None),
        (503, "Sun, 01 Mar 99999999999 08:00:30 GMT", Disposition.RETRY, None),
        (503, "Sun, 01 Mar 2026 08:00:30 +99999999999", Disposition.RETRY, None),
        (503, "-5", Disposition.RETRY, None),
        (503, None, Disposition.RETRY, None),
        (500, "9", Disposition.RETRY, None),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str | None, fate: Disposition, pause: int | None) -> None:
    found = classify_response(status, retry_after, NOW, 60)
    assert (found.disposition, found.retry_after) == (fate, None if pause is None else timedelta(seconds=pause))


@given(st.integers(1, 10_000), st.integers(0, 1_000))
def test_waits_grow_to_a_bound_and_are_spread(failures: int, seed: int) -> None:
    waited = POLICY.backoff(failures, Random(seed), POLICY.cap_s).total_seconds()
    assert 0 <= waited <= min(POLICY.cap_s, POLICY.base_s * 2 ** min(failures - 1, 40))
