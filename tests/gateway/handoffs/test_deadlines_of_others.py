"""Whoever shows a live token has answered, whatever her clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
TOKEN, OTHER = b"t" * 32, b"o" * 32


def event(verb: str, org: str, seconds: float, token: bytes | None, id: str, to: str | None = None) -> HandoffEvent:
    time = BEGIN + timedelta(seconds=seconds)
    order = (time, f"urn:pathline:{org}:x", False, "", id)
    return HandoffEvent(verb, order[1], id, org, "v1.x", order, time, to, token)


OFFER = event("offered", "north", 0, TOKEN, "offer", "south")


@given(st.floats(0, 10**7), st.booleans())
def test_an_answer_before_its_offer_has_been_given_where_the_token_is_live(seconds: float, first: bool) -> None:
    accepted = event("accepted", "south", -seconds, TOKEN, "a")
    lifecycle = compute_lifecycle("north:1", [accepted, OFFER] if first else [OFFER, accepted])
    assert (lifecycle.state, lifecycle.anomalies) == ("accepted", [])
    assert [use.event.id for use in lifecycle.redemptions] == ["a"]
    offered, answered = lifecycle.transitions
    assert (offered.id, answered.id) == ("offer", "a")
    assert answered.time >= offered.time


@pytest.mark.parametrize("token", [None, OTHER])
def test_an_answer_before_its_offer_without_the_token_is_out_of_turn(token: bytes | None) -> None:
    lifecycle = compute_lifecycle("north:1", [event("accepted", "south", -2, token, "a"), OFFER])
    assert (lifecycle.state, [each.id for each in lifecycle.anomalies]) == ("requested", ["a"])


def test_a_refusal_before_its_offer_is_one_too_and_what_follows_stands() -> None:
    declined = event("declined", "south", -2, TOKEN, "d")
    again = event("redirected", "north", 60, OTHER, "r", "east")
    accepted = event("accepted", "east", 59, OTHER, "a")
    lifecycle = compute_lifecycle("north:1", [accepted, again, declined, OFFER])
    assert ([each.id for each in lifecycle.transitions], lifecycle.state) == (["offer", "d", "r", "a"], "accepted")
