"""The oracle's sets of answers, by worked examples."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.offers.worked_steps import (
    NOW,
    ZONE,
    Leaf,
    Step,
    aged,
    compare,
    counted,
    every,
    exists,
    holds,
    negated,
    occurred,
    some,
    stated,
)
from gateway.offers.worked_verdicts import facts, offer, sets, verdict
from support.examples import examples
from support.oracles.answers_oracle import can_be_given
from support.oracles.eligibility_oracle import ask_next_of
from support.oracles.leaves_oracle import truth_of_value


def test_the_leaf_that_would_settle_it_is_named_with_what_is_wanted() -> None:
    rule = every(holds("a"), holds("b"))
    assert verdict(facts(a=True), rule) == {
        "verdict": "could_be",
        "because": None,
        "if": [[{"clause": "/of/1", "op": "compare", "fact": "b", "cmp": "eq", "value": True, "wanted": True}]],
        "more": False,
    }


def test_a_negated_leaf_is_wanted_false() -> None:
    assert sets([], negated(holds("a"))) == [[("/of", False)]]


def test_sets_come_smallest_first_then_in_document_order() -> None:
    two = [("/of/0/of/0", True), ("/of/0/of/1", True)]
    assert sets([], some(every(holds("a"), holds("b")), holds("c"))) == [[("/of/1", True)], two]
    rule = some(every(holds("a"), holds("b")), holds("c"), holds("a"))
    # With the first clause of an equal leaf, a comes before c; a and b together are more than a alone.
    assert sets([], rule) == [[("/of/0/of/0", True)], [("/of/1", True)]]


def test_equal_sizes_are_in_document_order_of_numbers() -> None:
    names = [f"f{number}" for number in range(11)]
    # All but the third and the last are known false.
    steps = facts(**{name: False for name in names if name not in ("f2", "f10")})
    assert sets(steps, some(*map(holds, names))) == [[("/of/2", True)], [("/of/10", True)]]


def test_a_wanted_true_comes_before_a_wanted_false_of_the_same_leaf() -> None:
    rule = every(some(holds("a"), negated(holds("a"))), some(holds("b"), holds("c")))
    assert sets(facts(b=True), rule) == [[("/of/0/of/0", True)], [("/of/0/of/0", False)]]


def test_two_leaves_on_one_fact_count_as_one() -> None:
    rule = some(holds("b"), every(compare("a", "ge", 1), compare("a", "lt", 5)))
    assert sets([], rule) == [[("/of/0", True)], [("/of/1/of/0", True), ("/of/1/of/1", True)]]


def test_five_sets_are_listed_and_that_there_are_more_is_said() -> None:
    five = some(*(holds(f"f{number}") for number in range(5)))
    six = some(*(holds(f"f{number}") for number in range(6)))
    assert (len(sets([], five)), verdict([], five)["more"]) == (5, False)
    assert (len(sets([], six)), verdict([], six)["more"]) == (5, True)


def test_a_set_about_five_facts_is_too_large_to_list() -> None:
    five = every(*(holds(f"f{number}") for number in range(5)))
    assert verdict([], five) == {"verdict": "could_be", "because": None, "if": [], "more": True}
    assert sets([], every(*(holds(f"f{number}") for number in range(4)))) == [
        [(f"/of/{number}", True) for number in range(4)]
    ]


@pytest.mark.parametrize(
    ("parts", "possible"),
    [
        ((compare("a", "gt", 2), compare("a", "lt", 3)), False),
        ((compare("a", "gt", 2), compare("a", "lt", 4)), True),
        ((compare("a", "eq", 2), compare("a", "eq", "2")), False),
        ((compare("a", "gt", "m"), compare("a", "lt", "n")), True),
        ((compare("a", "gt", "m"), compare("a", "lt", "m\x01")), False),
        ((compare("a", "gt", 2**53 - 1),), False),
        ((compare("a", "ge", 2**53 - 1),), True),
        ((compare("a", "lt", True),), False),
        ((compare("a", "in", []),), False),
        ((negated(compare("a", "in", [])),), True),
        ((negated(compare("a", "in", [1, "x"])),), False),
        ((negated(holds("a")), compare("a", "ne", False)), False),
        ((aged("a", "ge", 18), aged("a", "lt", 18)), False),
        ((aged("a", "eq", 18), compare("a", "ge", "2008-06-16")), False),
        ((aged("a", "eq", 18), compare("a", "ge", "2008-06-15")), True),
        ((aged("a", "ge", 2026),), False),
        ((aged("a", "eq", 0), compare("a", "gt", "2026-06-14")), True),
        ((aged("a", "eq", 0), compare("a", "gt", "2026-06-15")), False),
        ((aged("a", "ge", 1), compare("a", "eq", 18)), False),
        ((exists("a"), compare("a", "eq", "x")), True),
        ((negated(exists("a")), compare("a", "eq", "x")), False),
        ((negated(exists("a")),), True),
    ],
)
def test_what_no_value_of_a_fact_can_be_is_not_asked(parts: tuple[Leaf, ...], possible: bool) -> None:
    found = verdict([], every(*parts))
    assert (len(found["if"]), found["more"]) == (int(possible), False)


def test_a_leaf_on_a_known_fact_of_another_type_is_no_answer() -> None:
    assert sets(facts(a="two"), some(compare("a", "ge", 2), holds("b"))) == [[("/of/1", True)]]
    assert verdict(facts(a="two"), compare("a", "ge", 2)) == {
        "verdict": "could_be",
        "because": None,
        "if": [],
        "more": False,
    }


def test_a_conflict_can_be_answered_unless_it_is_of_today() -> None:
    def differing(day: str) -> list[Step]:
        return [stated(day, "school", a=1), stated(day, "clinic", a=2)]

    assert sets(differing("2026-06-14"), compare("a", "ge", 1)) == [[("", True)]]
    assert sets(differing("2026-06-15"), compare("a", "ge", 1)) == []


@pytest.mark.parametrize(
    ("leaf", "wanted", "provable"),
    [
        (exists("a"), True, True),
        (exists("a"), False, False),
        (holds("a"), False, True),
        (occurred("contact.made"), True, True),
        (occurred("contact.made"), False, False),
        (occurred("circumstance.changed"), False, False),
        (occurred("circumstance.changed", kind="birth"), False, True),
        (counted("contact.made", "ge", 2), True, True),
        (counted("contact.made", "ge", 2), False, False),
        (counted("contact.made", "lt", 2), True, False),
        (counted("contact.made", "lt", 2), False, True),
        (counted("contact.made", "eq", 2), True, False),
        (counted("contact.made", "ne", 2), True, True),
        (counted("circumstance.changed", "le", 2, kind="birth"), True, True),
    ],
)
def test_an_answer_that_no_step_can_give_is_marked_and_never_asked(leaf: Leaf, wanted: bool, provable: bool) -> None:
    rule = leaf if wanted else negated(leaf)
    ((answer,),) = verdict([], rule)["if"]
    assert (answer["wanted"], answer.get("provable")) == (wanted, None if provable else False)
    can_be_asked = provable and leaf.get("type") != "contact.made"
    assert (ask_next_of([], [offer("x", rule)], NOW, ZONE) is not None) == can_be_asked


TEXTS = ("\x01", "0002-02-28", "0002-03-01", "0003", "0003-02-01", "a")
LEAVES = st.one_of(
    st.builds(
        compare,
        st.just("a"),
        st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge")),
        st.sampled_from((*TEXTS, True, 0, 1, 2)),
    ),
    st.builds(compare, st.just("a"), st.just("in"), st.lists(st.sampled_from((*TEXTS, False, 1)), max_size=3)),
    st.builds(aged, st.just("a"), st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge")), st.integers(-1, 3)),
    st.just(exists("a")),
)


@examples(200)
@given(st.lists(st.tuples(LEAVES, st.booleans()), min_size=1, max_size=4), st.sampled_from((28, 1)))
def test_answers_fit_together_exactly_where_one_of_all_values_is_as_they_want(
    answers: list[tuple[Leaf, bool]], on_day: int
) -> None:
    on = date(3, 2, 28) if on_day == 28 else date(3, 3, 1)
    days = [(date.min + timedelta(days=number)).isoformat() for number in range((on - date.min).days + 1)]
    # In so early a year all dates can be tried, and with them everything between the texts that the leaves name.
    texts = [text + end for text in (*TEXTS, *days) for end in ("", "\x01", "~")]
    fits = any(
        all(truth_of_value(leaf, value, on) is wanted for leaf, wanted in answers)
        for value in (True, False, *range(-3, 5), *texts)
    )
    absent = all(leaf["op"] == "exists" and not wanted for leaf, wanted in answers)
    assert can_be_given(answers, on) == (fits or absent)
