"""The oracle's verdicts, reasons, sets of answers and next question, by worked examples."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.offers.worked_steps import (
    NOW,
    SYDNEY,
    ZONE,
    Leaf,
    aged,
    changed,
    compare,
    counted,
    decision,
    declared,
    every,
    exists,
    holds,
    negated,
    occurred,
    some,
    stated,
    step,
)
from gateway.offers.worked_verdicts import because, facts, offer, sets, verdict
from support.examples import examples
from support.oracles.eligibility_oracle import ask_next_of, verdict_of


def test_an_offer_without_a_rule_is_available_to_everybody() -> None:
    assert verdict([], None) == {"verdict": "available", "because": [], "if": None, "more": False}


def test_a_reason_is_the_leaf_as_written_with_what_shows_it() -> None:
    assert verdict(facts(children=2), compare("children", "ge", 1)) == {
        "verdict": "available",
        "because": [
            {
                "clause": "",
                "op": "compare",
                "fact": "children",
                "cmp": "ge",
                "value": 1,
                "is": 2,
                "since": "2026-05-01",
                "by": ["agency"],
                "proof": [{"source": "urn:pathline:agency:case", "id": "facts"}],
            }
        ],
        "if": None,
        "more": False,
    }


def test_one_false_part_is_the_reason_that_not_all_hold_the_first_of_the_smallest() -> None:
    two = some(holds("a"), holds("b"))
    assert because(facts(a=False, b=False, c=False, d=False), every(two, holds("c"), holds("d"))) == ("not", ["/of/1"])


def test_one_true_part_is_the_reason_that_any_holds() -> None:
    both = every(holds("a"), holds("b"))
    assert because(facts(a=True, b=True, c=True), some(both, holds("c"))) == ("available", ["/of/1"])
    assert because(facts(a=True, b=True), some(both, holds("c"))) == ("available", ["/of/0/of/0", "/of/0/of/1"])


def test_every_part_is_a_reason_that_all_hold_and_that_none_does() -> None:
    assert because(facts(a=True, b=True), every(holds("a"), holds("b"))) == ("available", ["/of/0", "/of/1"])
    assert because(facts(a=False, b=False), some(holds("a"), holds("b"))) == ("not", ["/of/0", "/of/1"])


def test_a_negation_has_the_reason_of_its_part() -> None:
    rule = negated(every(holds("a"), holds("b")))
    assert because(facts(a=True, b=False), rule) == ("available", ["/of/of/1"])


def test_reasons_are_in_document_order_of_numbers_not_of_texts() -> None:
    names = [f"f{number}" for number in range(12)]
    clauses = because(facts(**dict.fromkeys(names, True)), every(*map(holds, names)))[1]
    assert clauses == [f"/of/{number}" for number in range(12)]


def test_a_leaf_without_which_the_verdict_stands_is_left_out_from_the_last_on() -> None:
    # The first part has a for its reason and the second b; with a alone both hold, and with b alone too.
    rule = every(some(holds("a"), holds("b")), some(holds("b"), holds("a")))
    assert because(facts(a=True, b=True), rule) == ("available", ["/of/0/of/0"])


def test_a_leaf_that_stands_twice_is_one_reason_and_is_forgotten_in_both_places() -> None:
    rule = every(some(holds("a"), holds("b")), some(holds("a"), holds("c")))
    assert because(facts(a=True), rule) == ("available", ["/of/0/of/0"])
    # Forgetting the last, c, leaves the second part to a, which is known from the first.
    spared = every(holds("a"), some(holds("c"), holds("a")))
    assert because(facts(a=True, c=True), spared) == ("available", ["/of/0"])


def test_leaves_that_differ_only_as_one_and_true_are_two() -> None:
    rule = some(compare("a", "eq", 1), compare("a", "eq", True))
    assert because(facts(a=True), rule) == ("available", ["/of/1"])


def test_a_sensitive_leaf_is_not_named_until_she_asks() -> None:
    steps = [changed("violence", "2026-05-01"), *facts(debt=True)]
    rule = every(occurred("circumstance.changed", kind="violence"), exists("circumstance.violence"), holds("debt"))
    hidden = [{"clause": clause, "sensitive": True} for clause in ("/of/0", "/of/1", "/of/2")]
    assert verdict(steps, rule, sensitive={"debt"})["because"] == hidden
    shown = verdict(steps, rule, sensitive={"debt"}, show_sensitive=True)["because"]
    assert [reason["is"] for reason in shown] == [1, "2026-05-01", True]


def test_a_set_with_a_sensitive_leaf_is_left_out_and_there_is_more() -> None:
    rule = some(exists("circumstance.custody"), holds("a"), every(holds("b"), holds("debt")))
    found = verdict([], rule, sensitive={"debt"})
    assert ([len(answers) for answers in found["if"]], found["more"]) == ([1], True)
    assert sets([], rule, sensitive={"debt"}) == [[("/of/1", True)]]
    assert len(sets([], rule, sensitive={"debt"}, show_sensitive=True)) == 3


def test_next_is_asked_what_stands_in_most_offers() -> None:
    offers = [offer("x", every(holds("a"), holds("b"))), offer("y", some(holds("b"), holds("c"))), offer("z", None)]
    assert ask_next_of([], offers, NOW, ZONE) == {"fact": "b", "settles": 2}


def test_of_equals_the_first_by_name_is_asked_and_a_fact_before_a_kind() -> None:
    birth = occurred("circumstance.changed", kind="birth")
    assert ask_next_of([], [offer("x", every(holds("children"), birth))], NOW, ZONE) == {"kind": "birth", "settles": 1}
    assert ask_next_of([], [offer("x", every(birth, holds("birth")))], NOW, ZONE) == {"fact": "birth", "settles": 1}


def test_what_is_derived_or_of_another_type_or_sensitive_is_not_asked() -> None:
    rule = every(holds("decision.rent-help"), occurred("contact.made"), exists("circumstance.illness"))
    assert ask_next_of([], [offer("x", rule)], NOW, ZONE) is None
    assert ask_next_of([], [offer("x", occurred("circumstance.changed", kind="illness"))], NOW, ZONE) is None
    assert ask_next_of(facts(a=True), [offer("x", holds("a")), offer("y", negated(holds("a")))], NOW, ZONE) is None


def test_a_new_mother_on_rent_help_finds_what_she_can_get_and_what_to_say() -> None:
    steps = [
        decision("made", "2026-03-01", result="granted", output="rent-help", valid_until="2026-12-31"),
        changed("birth", "2026-05-20"),
        step("contact.made", "2026-06-10", "council", kind="chase"),
        stated("2026-05-20", "clinic", born="1999-09-09"),
    ]
    layette = every(occurred("circumstance.changed", "P3M", kind="birth"), holds("decision.rent-help"))
    youth = every(aged("born", "lt", 25), holds("decision.rent-help"))
    patience = counted("contact.made", "ge", 3, "P1M", kind="chase")
    first_home = every(negated(occurred("circumstance.changed", "P1Y", kind="move")), compare("rent", "gt", 400))
    assert because(steps, layette) == ("available", ["/of/0", "/of/1"])
    assert verdict(steps, youth)["because"][0]["is"] == 26
    assert sets(steps, patience) == [[("", True)]]
    assert sets(steps, first_home) == [[("/of/0/of", False), ("/of/1", True)]]
    offers = [offer("layette", layette), offer("patience", patience), offer("home", first_home)]
    assert ask_next_of(steps, offers, NOW, ZONE) == {"kind": "move", "settles": 1}
    said = [*steps, declared("move", "2025-06-15", "2026-06-15"), stated("2026-06-15", "citizen", rent=420)]
    assert because(said, first_home) == ("available", ["/of/0/of", "/of/1"])


RULES = st.recursive(
    st.sampled_from("abcd").map(holds),
    lambda rules: st.one_of(
        st.lists(rules, min_size=1, max_size=3).map(lambda of: every(*of)),
        st.lists(rules, min_size=1, max_size=3).map(lambda of: some(*of)),
        rules.map(negated),
    ),
    max_leaves=7,
)


@examples(200)
@given(RULES, st.dictionaries(st.sampled_from("abcd"), st.booleans()))
def test_reasons_alone_give_the_verdict_and_answers_make_it_available(rule: Leaf, known: dict[str, bool]) -> None:
    found = verdict(facts(**known), rule)
    if found["because"] is not None:
        named = {reason["fact"]: known[reason["fact"]] for reason in found["because"]}
        assert verdict(facts(**named), rule)["verdict"] == found["verdict"]
        for name in named:
            fewer = {other: value for other, value in named.items() if other != name}
            assert verdict(facts(**fewer), rule)["verdict"] == "could_be"
    for answers in found["if"] or ():
        told = {answer["fact"]: answer["wanted"] for answer in answers}
        assert verdict(facts(**known, **told), rule)["verdict"] == "available"
        for name in told:
            fewer = {other: value for other, value in told.items() if other != name}
            assert verdict(facts(**known, **fewer), rule)["verdict"] != "available"


def test_today_is_a_date_of_the_zone_whatever_the_offset_of_the_instant() -> None:
    at = datetime.fromisoformat("2026-06-15T09:00:00+11:00")
    assert verdict_of(facts(born="2008-06-15"), aged("born", "ge", 18), at, ZONE)["verdict"] == "not"
    assert verdict_of(facts(born="2008-06-15"), aged("born", "ge", 18), at, SYDNEY)["verdict"] == "available"
