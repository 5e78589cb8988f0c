"""Which question is asked first."""

from __future__ import annotations

from typing import Any

from gateway.offers.cases import NOW, ZONE, age, count, eq, every, exists, judged, no, occurred, some, states
from pathline_gateway.offers.ask_next import find_ask_next
from pathline_gateway.offers.verdict import compile_offer, judge_offer
from support.oracles.engine_adapter import ask_next_of, knowledge_of

MOVED = occurred("circumstance.changed", {"kind": "move"})


def asked(*rules: Any, steps: Any = ()) -> Any:
    offers = [{"org": "even", "offer": f"o{n}", "eligibility": rule} for n, rule in enumerate(rules)]
    return ask_next_of(list(steps), offers, NOW, ZONE)


def test_the_fact_that_stands_in_sets_of_most_offers_is_asked_for() -> None:
    assert asked(eq("b"), every(eq("b"), eq("a")), eq("c")) == {"fact": "b", "settles": 2}


def test_an_offer_counts_once_however_often_it_asks() -> None:
    assert asked(some(eq("z"), eq("z", 2), age("z", "ge", 1)), eq("b"), eq("b")) == {"fact": "b", "settles": 2}


def test_ties_go_by_name_and_a_fact_first() -> None:
    assert asked(eq("zebra"), eq("b"), MOVED) == {"fact": "b", "settles": 1}
    assert asked(MOVED, eq("move")) == {"fact": "move", "settles": 1}
    assert asked(MOVED, eq("zebra")) == {"kind": "move", "settles": 1}


def test_a_kind_is_asked_for_whether_it_came_or_not() -> None:
    assert asked(MOVED, MOVED) == {"kind": "move", "settles": 2}
    assert asked(no(MOVED)) == {"kind": "move", "settles": 1}


def test_what_she_cannot_answer_is_never_asked() -> None:
    for rule in (
        eq("need.food", True),
        exists("circumstance.move"),
        count("service.delivered", "ge", 1),
        no(exists("a")),
        no(occurred("contact.made")),
    ):
        assert asked(rule) is None


def test_only_listed_sets_and_offers_that_could_be_are_looked_at() -> None:
    assert asked(every(*(eq(name) for name in "abcde"))) is None
    assert asked(eq("a"), steps=[states({"a": 1})]) is None


def test_a_sensitive_leaf_is_not_asked_until_she_asks() -> None:
    offer, known = compile_offer(eq("a"), ["a"]), knowledge_of([], NOW, ZONE)
    assert find_ask_next([judge_offer(offer, known)]) is None
    assert find_ask_next([judge_offer(offer, known, show_sensitive=True)]) == {"fact": "a", "settles": 1}
    assert asked(occurred("circumstance.changed", {"kind": "illness"})) is None


def test_null_where_there_is_nothing() -> None:
    assert asked() is None
    assert judged(eq("a"))["verdict"] == "could_be"
