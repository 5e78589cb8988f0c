"""What decisions say, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.offers.cases import facts, later, step, values

FACT = "decision.rent-aid"


def decided(verb: str, at: str = "2026-03-01", id: str = "d1", org: str = "even", **data: Any) -> dict[str, Any]:
    return step(f"decision.{verb}", {"decision": id} | data, at=at, org=org)


def granted(at: str = "2026-03-01", **data: Any) -> dict[str, Any]:
    return decided("made", at, **{"result": "granted", "output": "rent-aid"} | data)


def value(*steps: dict[str, Any], days: int = 0) -> Any:
    return values(*steps, now=later(days)).get(FACT)


def test_a_grant_is_true_from_its_first_to_its_last_day_and_then_false() -> None:
    grant = granted(effective="2026-03-12", valid_until="2026-03-14")
    assert [value(grant, days=n) for n in range(1, 7)] == [None, True, True, True, False, False]


def test_a_grant_without_a_first_day_is_true_from_its_step() -> None:
    found = facts(granted("2026-03-04"))[FACT]
    assert (found["since"], found["until"], found["values"][0]["value"]) == ("2026-03-04", None, True)


def test_a_grant_that_has_run_out_is_false_by_the_step_that_said_until_when() -> None:
    found = facts(granted(valid_until="2026-03-05"))[FACT]
    assert (found["values"][0]["value"], found["since"], found["until"]) == (False, "2026-03-06", None)


def test_an_end_is_false_from_its_first_day() -> None:
    steps = granted(), decided("ended", "2026-03-05", effective="2026-03-12")
    assert [value(*steps, days=n) for n in (0, 1, 2)] == [True, True, False]
    assert facts(*steps, now=later(2))[FACT]["since"] == "2026-03-12"


def test_an_end_without_an_output_means_that_of_its_decision() -> None:
    assert value(granted(), decided("ended", "2026-03-05")) is False
    assert value(granted(), decided("ended", "2026-03-05", id="d2")) is True
    assert value(granted(), decided("ended", "2026-03-05", org="odd")) is True


def test_an_end_with_an_output_proves_itself() -> None:
    assert value(decided("ended", output="rent-aid")) is False


def test_a_refusal_is_false_and_a_deferral_says_nothing() -> None:
    assert value(granted(result="refused")) is False
    assert facts(granted(result="deferred")) == {}


def test_of_one_decision_the_last_decides() -> None:
    assert value(granted(result="refused"), granted("2026-03-02")) is True
    assert value(granted(), granted("2026-03-02", result="refused")) is False


def test_a_grant_that_is_set_aside_is_false_and_a_refusal_that_is_says_nothing() -> None:
    set_aside = decided("reviewed", "2026-03-05", review="set-aside")
    assert value(granted(), set_aside) is False
    assert facts(granted(result="refused"), set_aside) == {}


@pytest.mark.parametrize("review", ["upheld", "changed"])
def test_another_review_changes_nothing(review: str) -> None:
    assert value(granted(), decided("reviewed", "2026-03-05", review=review)) is True


def test_a_variation_changes_until_when() -> None:
    steps = granted(valid_until="2026-03-05"), decided("varied", "2026-03-02", valid_until="2026-03-20")
    found = facts(*steps)[FACT]
    assert (found["values"][0]["value"], found["since"], found["until"]) == (True, "2026-03-01", "2026-03-20")
    assert found["values"][0]["proof"][0]["id"].startswith("decision.varied")
    assert value(*steps, days=11) is False


def test_a_decision_is_true_while_one_of_several_is() -> None:
    steps = granted(valid_until="2026-03-20"), granted("2026-03-02", org="odd", result="refused")
    assert value(*steps) is True
    assert value(*steps, days=11) is False


def test_of_several_grants_the_first_that_holds_proves_it() -> None:
    steps = granted(valid_until="2026-03-20"), granted("2026-03-02", org="odd", valid_until="2026-04-20")
    found = facts(*steps)[FACT]
    assert (found["since"], found["until"], found["values"][0]["by"]) == ("2026-03-01", "2026-03-20", "even")
    later_on = facts(*steps, now=later(11))[FACT]
    assert (later_on["since"], later_on["until"], later_on["values"][0]["by"]) == ("2026-03-02", "2026-04-20", "odd")


def test_what_says_nothing_takes_nothing_back() -> None:
    assert value(granted(), granted("2026-03-02", result="deferred")) is True
    refused = granted("2026-03-02", result="refused")
    assert value(granted(), refused, decided("reviewed", "2026-03-05", review="set-aside")) is True


def test_a_decision_without_an_output_says_nothing() -> None:
    assert facts(granted(output=None)) == {}
