"""What is due, answered, silent and late, held against the sentences of the vocabulary."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.handoffs.due_times import LATER, OFFERED, REGISTERED, at, due, status_of, with_data
from gateway.handoffs.histories import FROM, OTHER, TO, event, histories
from pathline_gateway.handoffs.deadlines import STAGES, Contact, compute_status
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import OPEN_STATES, compute_lifecycle
from pathline_gateway.handoffs.rendering import render_handoff
from pathline_gateway.handoffs.returned import find_returned


def test_nobody_answers_and_both_stages_are_silent_once_their_instant_has_passed() -> None:
    assert status_of(OFFERED, now=at(60)).silent_stages == []
    assert status_of(OFFERED, now=at(61)).silent_stages == ["accept"]
    assert status_of(OFFERED, now=at(121)).silent_stages == ["accept", "contact"]
    assert status_of(OFFERED, now=at(121)).late_stages == []


def test_a_receiver_that_is_not_here_is_never_silent() -> None:
    elsewhere = with_data(event("offered", FROM, 0, id="o", to="nobody"), **due(accept=60))
    found = status_of(elsewhere)
    assert (found.is_observable, found.silent_stages, found.late_stages) == (False, [], [])


def test_a_late_answer_is_late_and_no_longer_silent() -> None:
    found = status_of(OFFERED, event("accepted", TO, 90, id="a"))
    assert (found.silent_stages, found.late_stages, found.accepted_at) == (["contact"], ["accept"], at(90))


def test_who_accepts_may_name_another_instant_for_the_contact() -> None:
    accepted = with_data(event("accepted", TO, 30, id="a"), **due(contact=500))
    assert status_of(OFFERED, accepted, now=at(400)).silent_stages == []
    assert status_of(OFFERED, accepted, now=at(501)).silent_stages == ["contact"]


def test_a_refusal_ends_the_waiting_for_both() -> None:
    found = status_of(OFFERED, event("declined", TO, 30, id="d"))
    assert (found.silent_stages, found.late_stages, found.ended_at) == ([], [], at(30))


def test_a_redirect_answers_and_one_with_an_instant_of_its_own_asks_anew() -> None:
    plain = event("redirected", TO, 30, id="r", to=OTHER)
    assert status_of(OFFERED, plain).silent_stages == ["contact"]
    asked = with_data(plain, **due(accept=200))
    assert status_of(OFFERED, asked, now=at(190)).silent_stages == ["contact"]
    assert status_of(OFFERED, asked, now=at(201)).silent_stages == ["accept", "contact"]
    found = status_of(OFFERED, asked, event("accepted", OTHER, 210, id="a"))
    assert (found.late_stages, found.accepted_at, [r.receiver for r in found.redirects]) == (
        ["accept"],
        at(210),
        [OTHER],
    )


def test_the_first_contact_is_the_receivers_about_this_hand_off_or_about_none_once_accepted() -> None:
    def first(*contacts: Contact) -> datetime | None:
        return status_of(OFFERED, event("accepted", TO, 30, id="a"), contacts=contacts).first_contact

    h = f"{FROM}:h"
    assert first(Contact(TO, at(20), h)) == at(20)
    assert first(Contact(TO, at(20), None)) is None
    assert first(Contact(TO, at(30), None), Contact(TO, at(20), None)) == at(30)
    assert first(Contact(OTHER, at(40), h), Contact(TO, at(40), "another:h")) is None
    assert first(Contact(TO, at(-1), h)) is None


def test_a_hand_off_that_goes_straight_back_says_so() -> None:
    there = status_of(OFFERED)
    life = compute_lifecycle(f"{TO}:back", [with_data(event("offered", TO, 40, id="b", to=FROM))])
    back = compute_status(life, (), REGISTERED, LATER)
    assert find_returned([there, back]) == {back.lifecycle.handoff: f"{FROM}:h"}
    met = status_of(OFFERED, contacts=(Contact(TO, at(20), f"{FROM}:h"),))
    assert find_returned([met, back]) == {}


def test_what_nobody_offered_is_shown_as_it_came() -> None:
    found = render_handoff(status_of(event("accepted", TO, 30, id="a")))
    assert (found["state"], found["offered"], found["from"]) == (None, None, FROM)
    assert [each["verb"] for each in found["anomalies"]] == ["accepted"]


@given(
    histories(), st.integers(-100, 3_000), st.integers(0, 2_000), st.integers(0, 2_000), st.lists(st.integers(0, 2_000))
)
def test_silence_begins_once_and_ends_with_an_answer_alone(
    events: list[HandoffEvent], now: int, accept: int, contact: int, met: list[int]
) -> None:
    told = [with_data(e, **due(accept=accept, contact=contact)) if e.verb == "offered" else e for e in events]
    life = compute_lifecycle(f"{FROM}:h", told)
    contacts = [Contact(TO, at(minutes), life.handoff) for minutes in met]
    found, later = (compute_status(life, contacts, REGISTERED, n) for n in (at(now), LATER))
    assert set(found.silent_stages) <= set(later.silent_stages)
    assert later.late_stages == found.late_stages
    for stage in STAGES:
        asked = life.offer is not None and stage in found.due
        assert (stage in later.silent_stages) == (asked and stage not in found.answered_at)
        assert not (stage in found.silent_stages and stage in found.answered_at)
    if life.state is not None and life.state not in OPEN_STATES:
        assert later.silent_stages == []
        assert found.ended_at == life.transitions[-1].time
