"""What steps prove besides what they state: needs, services, papers, circumstances."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.offers.cases import NOW, SYDNEY, changed, complete, facts, step, values


def need(verb: str, id: str = "n1", code: str | None = None, **place: Any) -> dict[str, Any]:
    return step(f"need.{verb}", {"need": id} | ({"code": code} if code else {}), **place)


@pytest.mark.parametrize("verb", ["expressed", "identified"])
def test_a_need_is_open_from_when_it_is_said(verb: str) -> None:
    found = facts(need(verb, code="food", at="2026-03-02"))["need.food"]
    assert found["values"][0]["value"] is True
    assert (found["since"], found["until"]) == ("2026-03-02", None)


@pytest.mark.parametrize("verb", ["met", "withdrawn"])
def test_a_need_that_has_ended_is_false_by_its_end(verb: str) -> None:
    found = facts(need("expressed", code="food"), need(verb, at="2026-03-05"))["need.food"]
    assert found["values"][0]["value"] is False
    assert found["since"] == "2026-03-05"
    assert found["values"][0]["proof"][0]["id"].startswith(f"need.{verb}")


@pytest.mark.parametrize("other", [{"id": "n2"}, {"org": "odd"}])
def test_another_need_or_another_organisation_s_ends_nothing(other: dict[str, str]) -> None:
    assert values(need("expressed", code="food"), need("met", at="2026-03-05", **other)) == {"need.food": True}


def test_a_need_is_true_while_any_of_its_code_is_open() -> None:
    both = need("expressed", code="food"), need("expressed", "n2", "food", at="2026-03-02")
    assert values(*both, need("met", at="2026-03-03")) == {"need.food": True}
    assert values(*both, need("met", at="2026-03-03"), need("met", "n2", at="2026-03-04")) == {"need.food": False}


def test_a_need_that_becomes_another_closes_the_one_and_opens_the_other() -> None:
    steps = need("expressed", code="food"), need("changed", code="housing", at="2026-03-02")
    assert values(*steps) == {"need.food": False, "need.housing": True}
    assert values(*steps, need("met", at="2026-03-03")) == {"need.food": False, "need.housing": False}


@pytest.mark.parametrize("code", [None, "food"])
def test_a_need_that_is_more_urgent_stays_open_since_it_was_said(code: str | None) -> None:
    found = facts(need("expressed", code="food"), need("changed", code=code, at="2026-03-05"))["need.food"]
    assert (found["values"][0]["value"], found["since"]) == (True, "2026-03-01")


def test_a_need_can_open_again() -> None:
    again = need("expressed", code="food", at="2026-03-08")
    assert values(need("expressed", code="food"), need("met", at="2026-03-05"), again) == {"need.food": True}


def test_an_end_of_what_nobody_saw_begin_is_of_the_code_that_it_names() -> None:
    assert facts(need("met")) == {}
    assert values(need("met", code="food")) == {"need.food": False}
    assert values(need("changed", code="food")) == {"need.food": True}


def test_a_second_end_proves_nothing_new() -> None:
    steps = need("expressed", code="food"), need("met", at="2026-03-02"), need("withdrawn", at="2026-03-03")
    assert facts(*steps)["need.food"]["since"] == "2026-03-02"


def service(verb: str, name: str = "shelter", **place: Any) -> dict[str, Any]:
    return step(f"service.{verb}", {"service": name}, **place)


def test_a_service_is_true_from_its_start_until_its_end() -> None:
    assert values(service("started")) == {"service.shelter": True}
    assert values(service("started"), service("ended", at="2026-03-02")) == {"service.shelter": False}


def test_a_service_is_true_while_one_organisation_gives_it() -> None:
    both = service("started"), service("started", org="odd", at="2026-03-02")
    assert values(*both, service("ended", at="2026-03-03")) == {"service.shelter": True}


@pytest.mark.parametrize("verb", ["waitlisted", "delivered"])
def test_a_service_that_is_awaited_or_given_once_is_not_started(verb: str) -> None:
    assert facts(service(verb)) == {}


def test_a_paper_is_there_once_it_was_provided() -> None:
    provided = step("evidence.provided", {"items": ["bank-statement", "other"]}, at="2026-03-02")
    again = step("evidence.provided", {"items": ["bank-statement"]}, at="2026-03-05", org="odd")
    found = facts(step("evidence.requested", {"items": ["court-order"]}), provided, again)
    assert list(found) == ["evidence.bank-statement", "evidence.other"]
    assert found["evidence.bank-statement"]["since"] == "2026-03-02"
    assert found["evidence.bank-statement"]["values"][0]["by"] == "even"


def test_a_circumstance_is_the_latest_day_that_has_come_as_text() -> None:
    steps = changed("move", "2026-02-01", at="2026-03-05"), changed("move", "2026-01-01"), changed("move", "2026-03-11")
    found = facts(*steps)["circumstance.move"]
    assert (found["values"][0]["value"], found["since"]) == ("2026-02-01", "2026-02-01")


def test_a_declaration_is_no_circumstance() -> None:
    assert facts(complete("move", "2026-01-01", "2026-03-10")) == {}


def test_a_fact_is_since_the_date_of_its_step_in_the_zone_of_the_gateway() -> None:
    late = need("expressed", code="food", at="2026-03-01T23:00:00Z")
    assert facts(late, now=NOW, zone=SYDNEY)["need.food"]["since"] == "2026-03-02"


def test_nothing_is_derived_from_what_was_done_for_somebody_else() -> None:
    child = {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}
    for type, data in (("need.expressed", {"need": "n1", "code": "food"}), ("service.started", {"service": "shelter"})):
        assert facts(step(type, {**data, "on_behalf": child}), now=datetime(2027, 1, 1, tzinfo=UTC)) == {}
