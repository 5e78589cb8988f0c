"""Measures of hand-offs say what counting says, and leave out what would tell of few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.measure.handoff_indicators import MEASURES, Handoff, values_by_pair

NOW = datetime(2026, 6, 1, tzinfo=UTC)
D = timedelta(days=14)
days = st.none() | st.integers(0, 40)


def handoff(
    offered: int = 100,
    accepted: int | None = None,
    contact: int | None = None,
    service: int | None = None,
    heard: int | None = None,
    ended: int | None = None,
    completed: bool = False,
    pair: tuple[str, str] = ("clinic", "housing"),
) -> Handoff:
    """Offered so many days ago; everything else so many days after that."""
    began = NOW - timedelta(days=offered)

    def after(n: int | None) -> datetime | None:
        return None if n is None else began + timedelta(days=n)

    sender, receiver = pair
    return Handoff(
        sender, receiver, began, after(accepted), after(contact), after(service), after(heard), after(ended), completed
    )


def figures(name: str, *handoffs: Handoff) -> dict[str, float | None]:
    return {value.name: value.estimate.value for value in MEASURES[name].compute(handoffs, NOW, D)}


handoffs = st.lists(st.builds(handoff, st.just(100), days, days, days, days, st.none(), st.booleans()), min_size=1)


@given(handoffs)
def test_of_hand_offs_that_are_old_enough_the_estimate_is_a_plain_share(many: list[Handoff]) -> None:
    served = sum(h.first_service is not None and h.first_service - h.offered <= D for h in many) / len(many)
    silent = sum(h.first_heard is None or h.first_heard - h.offered > D for h in many) / len(many)
    assert figures("handoff-completion", *many)["completed"] == pytest.approx(served)
    assert figures("handoff-silence", *many)["silent"] == pytest.approx(silent)


def test_who_was_offered_yesterday_is_not_lost_yet() -> None:
    many = [handoff(service=3)] * 3 + [handoff()] + [handoff(offered=1)] * 6
    assert figures("handoff-completion", *many)["completed"] == pytest.approx(3 / 4)
    assert figures("handoff-leakage", *many)["not_accepted"] == 1
    assert figures("handoff-completion", *([handoff(offered=1)] * 6))["completed"] is None


def test_what_ended_without_a_service_never_gets_one_and_says_nothing_of_how_long_an_answer_takes() -> None:
    declined = handoff(heard=1, ended=1)
    assert figures("handoff-completion", declined, handoff(service=2))["completed"] == pytest.approx(0.5)
    latency = figures("handoff-latency", declined, handoff(accepted=4), handoff(accepted=6))
    assert latency["acceptance_median"] == timedelta(days=4).total_seconds()
    assert latency["first_contact_median"] is None


def test_leakage_is_of_those_who_came_so_far() -> None:
    whole = handoff(accepted=1, contact=2, service=3, ended=4, completed=True)
    many = [whole, whole, handoff(accepted=1, contact=2), handoff(accepted=1), handoff()]
    found = figures("handoff-leakage", *many)
    assert found == pytest.approx(
        {"not_accepted": 1 / 5, "not_contacted": 1 / 4, "not_served": 1 / 3, "not_completed": 0}
    )


def test_each_pair_is_measured_by_itself() -> None:
    pairs = [handoff(service=1, pair=("a", "b")), handoff(pair=("b", "a")), handoff(pair=("a", "b"))]
    found = values_by_pair(MEASURES["handoff-completion"], pairs, NOW, D)
    assert {pair: (values[0].n, values[0].estimate.value) for pair, values in found.items()} == {
        ("a", "b"): (2, 0.5),
        ("b", "a"): (1, 0.0),
    }


sizes = st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), st.integers(1, 40), min_size=1)
