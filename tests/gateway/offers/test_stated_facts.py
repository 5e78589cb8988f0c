"""What steps state of a person, and which statements are in force."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.offers.cases import SYDNEY, changed, complete, facts, in_order, later, states, step, values
from support.oracles.engine_adapter import facts_of


def test_a_statement_is_known_since_its_day_and_names_its_step() -> None:
    assert facts(states({"household.children": 2}, "2026-02-01")) == {
        "household.children": {
            "fact": "household.children",
            "state": "known",
            "values": [
                {
                    "value": 2,
                    "by": "even",
                    "proof": [
                        {"source": "urn:pathline:even:system", "id": "circumstance.changed@2026-03-01T09:00:00Z"}
                    ],
                }
            ],
            "since": "2026-02-01",
            "until": None,
        }
    }


def test_facts_are_served_sorted_by_name() -> None:
    served = facts_of([states({"b": 1, "a": 1, "c.a": 1, "B": 1})], later(0), SYDNEY)
    assert [each["fact"] for each in served] == ["B", "a", "b", "c.a", "circumstance.other"]


def test_what_nobody_stated_is_absent() -> None:
    assert facts(step("contact.made", {"kind": "enquiry"})) == {}


def test_the_latest_day_that_has_come_is_in_force_whatever_the_order_of_steps() -> None:
    late_news = states({"rent": 1}, "2026-01-01", at="2026-03-05")
    assert values(states({"rent": 2}, "2026-02-01"), late_news) == {"rent": 2}


def test_a_statement_for_a_day_to_come_waits_for_it() -> None:
    steps = states({"rent": 1}, "2026-02-01"), states({"rent": 2}, "2026-03-11", org="odd")
    assert values(*steps) == {"rent": 1}
    assert values(*steps, now=later(1)) == {"rent": 2}


def test_of_one_organisation_only_the_last_statement_of_a_day_counts() -> None:
    first, last = states({"rent": 1}, at="2026-03-02"), states({"rent": 2}, at="2026-03-03")
    assert values(first, last) == {"rent": 2}


def test_two_organisations_that_differ_are_in_conflict_and_both_are_shown() -> None:
    found = facts(states({"rent": 1}, at="2026-03-03"), states({"rent": 2}, at="2026-03-02", org="odd"))["rent"]
    assert found["state"] == "conflict"
    assert [(each["by"], each["value"]) for each in found["values"]] == [("odd", 2), ("even", 1)]


def test_two_organisations_that_agree_both_prove_it() -> None:
    found = facts(states({"rent": 1}), states({"rent": 1}, org="odd"))["rent"]
    assert found["state"] == "known"
    assert [each["by"] for each in found["values"]] == ["even", "odd"]


def test_a_later_day_ends_a_conflict() -> None:
    steps = states({"rent": 1}), states({"rent": 2}, org="odd"), states({"rent": 3}, "2026-03-02", org="third")
    assert values(*steps) == {"rent": 3}


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, "1"), (True, "true")])
def test_a_number_a_text_and_a_truth_never_agree(one: object, other: object) -> None:
    assert facts(states({"a": one}), states({"a": other}, org="odd"))["a"]["state"] == "conflict"


@pytest.mark.parametrize("prefix", ["need", "decision", "service", "evidence", "circumstance"])
def test_names_that_are_derived_prove_nothing_when_they_are_stated(prefix: str) -> None:
    assert facts(states({f"{prefix}.income": True})) == {}
    assert list(facts(states({f"{prefix}x": True}))) == [f"{prefix}x"]


def test_a_step_on_behalf_of_somebody_states_nothing_of_her() -> None:
    child = {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}
    assert facts(changed("birth", facts={"a": 1}, on_behalf=child)) == {}
    assert values(changed("other", facts={"a": 1}, on_behalf=None)) == {"a": 1}


def test_facts_beside_a_declaration_count_and_no_circumstance_does() -> None:
    declared = complete("move", "2026-01-01", "2026-03-10", facts={"address.since": "2020-01-01"})
    assert values(declared) == {"address.since": "2020-01-01"}


def test_a_step_later_than_the_instant_takes_no_part() -> None:
    ahead = states({"a": 1}, "2026-03-01", at="2026-03-10T12:00:00.000001Z")
    assert facts(ahead) == {}
    assert values(ahead, now=later(1)) == {"a": 1}


def test_today_is_the_date_in_the_zone_of_the_gateway() -> None:
    evening = datetime(2026, 3, 10, 14, tzinfo=UTC)  # the 11th in Sydney
    steps = (states({"a": 1}, "2026-03-11"),)
    assert values(*steps, now=evening, zone=SYDNEY) == {"a": 1}
    assert values(*steps, now=evening) == {}


def test_the_value_of_an_organisation_stands_where_its_last_statement_does() -> None:
    steps = (
        states({"a": 1}, at="2026-03-01"),
        states({"a": 2}, at="2026-03-02", org="odd"),
        states({"a": 3}, at="2026-03-03"),
    )
    assert [each["value"] for each in facts(*in_order(steps))["a"]["values"]] == [2, 3]
