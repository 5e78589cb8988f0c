"""Why an offer is available or not: enough, and nothing too much."""

from __future__ import annotations

from typing import Any

from gateway.offers.cases import (
    age,
    because,
    changed,
    compare,
    complete,
    count,
    eq,
    every,
    exists,
    judged,
    no,
    occurred,
    some,
    states,
    step,
)

KNOWN = states({"a": 1, "b": 1, "c": 1})
A, B, C = eq("a"), eq("b"), eq("c")
NOT_A, NOT_B, NOT_C = eq("a", 2), eq("b", 2), eq("c", 2)


def test_an_offer_without_a_rule_is_available_to_all() -> None:
    assert judged(None) == {"verdict": "available", "because": [], "if": None, "more": False}


def test_all_that_is_true_needs_each_part_and_any_needs_one() -> None:
    assert because(every(A, B, C), KNOWN) == ["/of/0", "/of/1", "/of/2"]
    assert because(some(NOT_A, B, C), KNOWN) == ["/of/1"]


def test_all_that_is_false_needs_one_part_and_any_needs_each() -> None:
    assert because(every(A, NOT_B, NOT_C), KNOWN) == ["/of/1"]
    assert because(some(NOT_A, NOT_B), KNOWN) == ["/of/0", "/of/1"]


def test_of_the_parts_that_force_it_the_one_with_fewest_leaves_is_told() -> None:
    assert because(some(every(A, B), C), KNOWN) == ["/of/1"]
    assert because(some(every(A, B), every(A, C)), KNOWN) == ["/of/0/of/0", "/of/0/of/1"]


def test_not_turns_what_it_holds() -> None:
    assert because(no(every(A, NOT_B)), KNOWN) == ["/of/of/1"]
    assert because(no(NOT_A), KNOWN) == ["/of"]
    assert because(A, KNOWN) == [""]


def test_a_leaf_without_which_the_verdict_stands_is_left_out_from_the_last() -> None:
    assert because(every(some(A, every(B, C)), some(A, B), B, C), KNOWN) == ["/of/2", "/of/3"]


def test_equal_leaves_are_one_and_listed_once() -> None:
    assert because(every(A, B, A), KNOWN) == ["/of/0", "/of/1"]
    assert because(every(eq("a", 1), eq("a", 1), exists("a")), KNOWN) == ["/of/0", "/of/2"]


def entry(rule: Any, *steps: Any, **more: Any) -> Any:
    [found] = judged(rule, *steps, **more)["because"]
    return found


def test_a_known_fact_is_told_with_every_statement_that_agrees() -> None:
    steps = states({"a": 1}, "2026-02-01"), states({"a": 1}, "2026-02-01", org="odd", at="2026-03-02")
    found = entry(A, *steps)
    assert found == {
        "clause": "",
        **A,
        "is": 1,
        "since": "2026-02-01",
        "by": ["even", "odd"],
        "proof": [{"source": each["source"], "id": each["id"]} for each in steps],
    }


def test_a_conflict_is_told_as_the_list() -> None:
    assert entry(exists("a"), states({"a": 1}), states({"a": 2}, org="odd"))["is"] == [1, 2]


def test_an_age_is_told_in_years() -> None:
    found = entry(age("born", "ge", 18), states({"born": "1990-05-01"}))
    assert (found["is"], found["since"]) == (35, "2026-03-01")


def test_a_derived_fact_is_proved_by_one_step() -> None:
    steps = [
        step("need.expressed", {"need": n, "code": "food"}, at=f"2026-03-0{day}") for n, day in (("n1", 1), ("n2", 2))
    ]
    found = entry(eq("need.food", True), *steps)
    assert found["proof"] == [{"source": steps[0]["source"], "id": steps[0]["id"]}]


def test_steps_are_proved_by_the_first_twenty_and_their_number() -> None:
    steps = [step("service.delivered", at=f"2026-02-{n:02}") for n in range(1, 26)]
    found = entry(count("service.delivered", "ge", 3), *steps)
    assert found["is"] == 25
    assert [each["id"] for each in found["proof"]] == [each["id"] for each in steps[:20]]


def test_a_declaration_is_told_only_where_completeness_was_needed() -> None:
    first = complete("move", "2026-01-01", "2026-03-10", at="2026-03-02")
    again = complete("move", "2026-01-01", "2026-03-10", at="2026-03-03")
    move = changed("move", at="2026-03-04")
    where: dict[str, Any] = {"where": {"kind": "move"}, "within": "P1M"}
    needed = entry(count("circumstance.changed", "le", 1, **where), first, again, move)
    assert [each["id"] for each in needed["proof"]] == [move["id"], first["id"]]
    not_needed = entry(count("circumstance.changed", "lt", 1, **where), first, again, move)
    assert [each["id"] for each in not_needed["proof"]] == [move["id"]]
    none = entry(occurred("circumstance.changed", **where), first)
    assert (none["is"], [each["id"] for each in none["proof"]]) == (0, [first["id"]])


def test_a_sensitive_leaf_is_not_named_until_she_asks() -> None:
    rule = every(A, B, occurred("circumstance.changed", {"kind": "violence"}))
    steps = KNOWN, changed("violence")
    hidden = judged(rule, *steps, sensitive={"b"})["because"]
    assert hidden[1:] == [{"clause": "/of/1", "sensitive": True}, {"clause": "/of/2", "sensitive": True}]
    shown = judged(rule, *steps, sensitive={"b"}, show_sensitive=True)["because"]
    assert [each.get("is") for each in shown] == [1, 1, 1]


def test_the_four_kinds_are_sensitive_as_facts_and_as_steps() -> None:
    for kind in ("violence", "custody", "illness", "disability"):
        for rule in (exists(f"circumstance.{kind}"), occurred("circumstance.changed", {"kind": kind})):
            assert judged(rule, changed(kind))["because"] == [{"clause": "", "sensitive": True}]
    assert "sensitive" not in entry(exists("circumstance.move"), changed("move"))
    assert "sensitive" not in entry(compare("violence", "eq", 1), states({"violence": 1}))
