"""The pathway's page tells of its hand-offs in plain words, and what is wrong with each."""

from __future__ import annotations

from gateway.handoffs.due_times import OFFERED, at, due, status_of, with_data
from gateway.handoffs.histories import FROM, OTHER, TO, event
from pathline_gateway.console.handoff_wording import describe_handoffs
from pathline_gateway.handoffs.rendering import render_handoff

NOW = at(3 * 24 * 60)


def wording(*events: object) -> tuple[str, tuple[str, ...]]:
    (found,) = describe_handoffs([render_handoff(status_of(*events))], NOW)  # type: ignore[arg-type]
    return found.state, found.wrong


def test_an_offer_that_nobody_answered_is_asked_and_silent() -> None:
    state, wrong = wording(OFFERED)
    assert state == "asked"
    assert wrong == (
        "silent: an answer was due on 2 Mar 2026, 2 d ago",
        "unmet: a contact with the person was due on 2 Mar 2026, 2 d ago",
    )


def test_late_passed_on_and_out_of_turn_are_said() -> None:
    passed = with_data(event("redirected", TO, 90, id="r", to=OTHER), **due(contact=9_000_000))
    state, wrong = wording(OFFERED, passed, event("started", TO, 95, id="s"))
    assert state == "asked"
    assert wrong == (
        "late: an answer came after it was due",
        "passed on once",
        "out of turn, and without effect: started",
    )


def test_expired_is_not_taken_back_and_a_receiver_elsewhere_is_not_silent() -> None:
    assert wording(OFFERED, event("expired", FROM, 30, id="x")) == ("expired", ())
    elsewhere = with_data(event("offered", FROM, 0, id="o", to="nobody"), to={"org": "nobody"}, **due(accept=60))
    assert wording(elsewhere)[1] == ("not on the register: whether it answers cannot be seen",)


def test_what_nobody_offered_has_no_receiver() -> None:
    (found,) = describe_handoffs([render_handoff(status_of(event("accepted", TO, 30, id="a")))], NOW)
    assert (found.to, found.unanswered, found.offered) == ("–", False, None)
