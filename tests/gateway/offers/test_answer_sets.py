"""What would settle an offer."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.offers.cases import (
    LARGEST,
    Rule,
    age,
    answers,
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
)

A, B, C, D, E = (eq(name) for name in "abcde")


def test_an_answer_is_the_leaf_as_written_and_what_is_wanted_of_it() -> None:
    rule = every(A, no({"fact": "b", "op": "compare", "cmp": "lt", "value": 3}))
    assert judged(rule) == {
        "verdict": "could_be",
        "because": None,
        "if": [
            [
                {"clause": "/of/0", "op": "compare", "fact": "a", "cmp": "eq", "value": 1, "wanted": True},
                {"clause": "/of/1/of", "op": "compare", "fact": "b", "cmp": "lt", "value": 3, "wanted": False},
            ]
        ],
        "more": False,
    }


def test_what_is_known_already_is_not_asked() -> None:
    assert answers(every(A, B), states({"a": 1})) == [[("/of/1", True)]]
    assert answers(some(A, every(B, C)), states({"a": 2, "c": 1})) == [[("/of/1/of/0", True)]]


def test_the_smallest_set_comes_first_then_document_order() -> None:
    assert answers(some(every(A, B), every(C, D), E)) == [
        [("/of/2", True)],
        [("/of/0/of/0", True), ("/of/0/of/1", True)],
        [("/of/1/of/0", True), ("/of/1/of/1", True)],
    ]
    many = some(*(every(eq(f"a{n}"), eq(f"b{n}")) for n in range(2, 13)))
    assert [one[0][0] for one in answers(many)] == [f"/of/{n}/of/0" for n in range(5)]


def test_wanted_true_comes_before_wanted_false() -> None:
    assert answers(some(no(A), A)) == [[("/of/0/of", True)], [("/of/0/of", False)]]


def test_a_set_that_holds_another_is_left_out() -> None:
    assert answers(some(every(A, B), A)) == [[("/of/0/of/0", True)]]
    assert answers(every(some(A, B), some(A, C))) == [
        [("/of/0/of/0", True)],
        [("/of/0/of/1", True), ("/of/1/of/1", True)],
    ]


def test_five_sets_are_listed_and_more_is_said() -> None:
    six = judged(some(*(eq(name) for name in "abcdef")))
    assert (len(six["if"]), six["more"]) == (5, True)
    five = judged(some(*(eq(name) for name in "abcde")))
    assert (len(five["if"]), five["more"]) == (5, False)


def test_a_set_over_four_facts_and_types_is_not_listed() -> None:
    five = judged(every(A, B, C, D, E))
    assert (five["verdict"], five["if"], five["more"]) == ("could_be", [], True)
    with_a_smaller = judged(some(every(A, B, C, D, E), eq("f")))
    assert (len(with_a_smaller["if"]), with_a_smaller["more"]) == (1, False)
    held = judged(some(every(A, B, C, D, E), A))
    assert (len(held["if"]), held["more"]) == (1, False)


def test_leaves_about_one_fact_or_one_type_are_one_of_the_four() -> None:
    rule = every(
        compare("a", "ge", 1), compare("a", "le", 9), compare("a", "ne", 5), B, C,
        count("service.delivered", "ge", 2), occurred("service.delivered", {"quantity": 1}),
    )  # fmt: skip
    assert [len(one) for one in answers(rule)] == [7]


@pytest.mark.parametrize(
    ("rule", "is_possible"),
    [
        (every(eq("a", 1), eq("a", 2)), False),
        (every(eq("a", 1), eq("a", True)), False),
        (every(eq("a", 1), compare("a", "in", [1, 2])), True),
        (every(no(eq("a", 1)), no(eq("a", "x"))), False),  # what is no 1 is a number, what is no "x" a text
        (every(compare("a", "gt", 1), compare("a", "lt", 2)), False),
        (every(compare("a", "gt", 1), compare("a", "lt", 3)), True),
        (every(compare("a", "gt", 1), compare("a", "lt", 3), no(eq("a", 2))), False),
        (compare("a", "gt", LARGEST), False),
        (every(compare("a", "ge", LARGEST), exists("a")), True),
        (compare("a", "lt", -LARGEST), False),
        (compare("a", "in", []), False),
        (no(compare("a", "in", [])), True),
        (no(compare("a", "in", [True, False])), False),
        (every(no(eq("a", True)), no(eq("a", False))), False),
        (every(compare("a", "gt", "x"), compare("a", "lt", "x\x01")), False),
        (every(compare("a", "gt", "x"), compare("a", "lt", "x\x02")), True),
        (compare("a", "lt", "\x01"), False),
        (compare("a", "gt", "\U0010ffff" * 2000), False),
        (compare("a", "gt", "\U0010ffff" * 1999), True),
        (every(age("a", "ge", 18), age("a", "lt", 18)), False),
        (every(age("a", "ge", 18), age("a", "lt", 19)), True),
        (every(age("a", "ge", 18), compare("a", "gt", "2008-03-10")), False),
        (every(age("a", "ge", 18), compare("a", "ge", "2008-03-10")), True),
        (every(age("a", "ge", 18), eq("a", "2008-03-10")), True),
        (every(age("a", "ge", 18), eq("a", "2008")), False),
        (every(age("a", "ge", 18), eq("a", 18)), False),
        (age("a", "lt", 0), False),
        (age("a", "ge", 2026), False),
        (age("a", "ge", 2025), True),
        (every(age("a", "eq", 0), compare("a", "gt", "2026-03-10")), False),
    ],
    ids=str,
)
def test_a_set_that_no_value_of_its_fact_satisfies_is_left_out(rule: Rule, is_possible: bool) -> None:
    found = judged(rule)
    assert (bool(found["if"]), found["more"]) == (is_possible, False)


def test_no_leaf_is_to_be_both() -> None:
    moved = occurred("circumstance.changed", {"kind": "move"})
    assert answers(every(moved, some(no(moved), A))) == [[("/of/0", True), ("/of/1/of/1", True)]]


def test_a_known_fact_of_another_type_is_not_asked_for() -> None:
    assert judged(eq("a", "x"), states({"a": 1}))["if"] == []
    assert judged(age("a", "ge", 18), states({"a": 18}))["if"] == []
    assert answers(age("a", "ge", 18), states({"a": "soon"})) == [[("", True)]]
    assert answers(some(eq("a", "x"), B), states({"a": 1})) == [[("/of/1", True)]]


def test_a_conflict_of_today_cannot_be_settled_and_an_older_one_can() -> None:
    def conflict(day: str) -> list[Any]:
        return [states({"a": 1}, day), states({"a": 2}, day, org="odd")]

    assert judged(eq("a"), *conflict("2026-03-10"))["if"] == []
    assert answers(eq("a"), *conflict("2026-03-09")) == [[("", True)]]


@pytest.mark.parametrize(
    ("rule", "provable"),
    [
        (exists("a"), True),
        (no(exists("a")), False),
        (A, True),
        (no(A), True),
        (occurred("service.delivered"), True),
        (no(occurred("service.delivered")), False),
        (no(occurred("circumstance.changed")), False),
        (no(occurred("circumstance.changed", {"kind": "move"})), True),
        (count("service.delivered", "ge", 1), True),
        (count("service.delivered", "le", 1), False),
        (count("service.delivered", "eq", 1), False),
        (no(count("service.delivered", "eq", 1)), True),
        (no(count("service.delivered", "le", 1)), True),
        (count("service.delivered", "ne", 1), True),
        (count("circumstance.changed", "le", 1, {"kind": "move"}), True),
    ],
    ids=str,
)
def test_an_answer_that_no_step_can_give_is_marked(rule: Rule, provable: bool) -> None:
    [[answer]] = judged(rule)["if"]
    assert answer.get("provable", True) is provable


def test_sets_with_a_sensitive_leaf_are_left_out_and_more_is_said() -> None:
    rule = some(A, B, occurred("circumstance.changed", {"kind": "custody"}))
    hidden = judged(rule, sensitive={"a"})
    assert ([one[0]["clause"] for one in hidden["if"]], hidden["more"]) == (["/of/1"], True)
    shown = judged(rule, sensitive={"a"}, show_sensitive=True)
    assert (len(shown["if"]), shown["more"]) == (3, False)


def test_a_sensitive_leaf_that_is_known_hides_no_set() -> None:
    rule = every(occurred("circumstance.changed", {"kind": "custody"}), B)
    assert answers(rule, changed("custody")) == [[("/of/1", True)]]


def test_a_declared_month_settles_what_did_not_happen() -> None:
    rule = every(no(occurred("circumstance.changed", {"kind": "move"}, "P1M")), A)
    assert answers(rule, complete("move", "2026-02-01", "2026-03-10")) == [[("/of/1", True)]]


def test_a_rule_with_very_many_sets_is_worked_through_within_bounds() -> None:
    groups = [some(*(eq(f"{name}{m}", n) for n in range(2) for m in range(8))) for name in "abcd"]
    found = judged(every(*groups))
    assert (len(found["if"]), found["more"]) == (5, True)
    narrow = [some(*(compare(f"f{n % 4}", "ne", 10 * m + n) for n in range(16))) for m in range(4)]
    assert judged(every(*narrow))["more"] is True
