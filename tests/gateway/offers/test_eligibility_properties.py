"""What holds of every rule and every pathway."""

from __future__ import annotations

from datetime import datetime
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.offers.cases import NOW, ZONE, every, in_order, judged, no, some
from gateway.offers.generators import instants, leaves, pathways, rules, zones
from pathline_gateway.offers.answer_sets import MAX_SIZE, find_answer_sets
from pathline_gateway.offers.because import find_because
from pathline_gateway.offers.fact_values import next_text, tabulate_values
from pathline_gateway.offers.leaves import FactLeaf, StepLeaf, compile_leaf
from pathline_gateway.offers.rule import CompiledRule, compile_rule
from pathline_gateway.offers.values import FactScalar, Truth
from support.examples import examples
from support.oracles.engine_adapter import knowledge_of, verdict_of

Steps = list[dict[str, Any]]


def evaluated(rule: Any, steps: Steps, now: datetime = NOW, zone: ZoneInfo = ZONE) -> Truth:
    compiled = compile_rule(rule)
    return compiled.root.evaluate(compiled.truths(knowledge_of(steps, now, zone)))


@examples(500)
@given(st.lists(rules, min_size=1, max_size=3), pathways())
def test_de_morgan(parts: list[Any], steps: Steps) -> None:
    assert evaluated(no(every(*parts)), steps) is evaluated(some(*map(no, parts)), steps)
    assert evaluated(no(some(*parts)), steps) is evaluated(every(*map(no, parts)), steps)
    assert evaluated(no(no(parts[0])), steps) is evaluated(parts[0], steps)


@examples(2_000)
@given(leaves, pathways(), pathways(max_size=2), instants, zones)
def test_a_step_that_states_nothing_else_of_what_is_known_makes_nothing_unknown(
    leaf: Any, steps: Steps, further: Steps, now: datetime, zone: ZoneInfo
) -> None:
    further = [{**each, "id": f"later-{each['id']}"} for each in further]
    before, after = knowledge_of(steps, now, zone), knowledge_of(in_order((*steps, *further)), now, zone)
    compiled = compile_leaf(leaf)
    if isinstance(compiled, FactLeaf):
        fact, then = before.facts.get(compiled.fact), after.facts.get(compiled.fact)
        assume(fact is None or (then is not None and {each.value for each in then.values} == _values(fact)))
    else:
        # A step of which only the month is known takes back that there was none in a window: it may lie in it.
        assume(not any("precision" in each["data"] for each in further))
    truth = compiled.judge(before)
    if truth is not None and isinstance(compiled, StepLeaf) and compiled.judge(after) is None:
        raise AssertionError("a step took a truth back")
    if truth is not None and isinstance(compiled, FactLeaf):
        assert compiled.judge(after) is not None


def _values(fact: Any) -> set[Any]:
    return {each.value for each in fact.values}


@examples(1_000)
@given(rules, st.lists(st.sampled_from([True, False, True, False, None]), min_size=6, max_size=6))
def test_what_is_said_because_of_is_enough_and_none_of_it_can_be_dropped(rule: Any, drawn: list[Truth]) -> None:
    compiled = compile_rule(rule)
    truths = drawn[: len(compiled.leaves)]
    if compiled.root.evaluate(truths) is None:
        truths = [truth is not False for truth in truths]
    verdict = compiled.root.evaluate(truths)
    said = {clause.leaf for clause in find_because(compiled, truths)}
    assert _replayed(compiled, truths, said) is verdict
    for leaf in said:
        assert _replayed(compiled, truths, said - {leaf}) is not verdict


def _replayed(rule: CompiledRule, truths: list[Truth], leaves: set[int]) -> Truth:
    return rule.root.evaluate([truth if n in leaves else None for n, truth in enumerate(truths)])


@examples(1_000)
@given(rules, pathways())
def test_every_set_makes_the_rule_true_and_nothing_of_it_can_be_dropped(rule: Any, steps: Steps) -> None:
    compiled, known = compile_rule(rule), knowledge_of(steps, NOW, ZONE)
    truths = compiled.truths(known)
    assume(compiled.root.evaluate(truths) is None)
    found = find_answer_sets(compiled, known).listed
    assert len({each.answers for each in found}) == len(found)
    for each in found:
        assert each.size <= MAX_SIZE
        assert all(truths[answer.leaf] is None for answer in each.answers)
        assert _answered(compiled, truths, each.answers) is True
        for fewer in combinations(each.answers, len(each.answers) - 1):
            assert _answered(compiled, truths, fewer) is not True


def _answered(rule: CompiledRule, truths: list[Truth], answers: Any) -> Truth:
    wanted = dict(answers)
    return rule.root.evaluate([wanted.get(n, truth) for n, truth in enumerate(truths)])


@examples(1_000)
@given(
    st.lists(leaves.filter(lambda leaf: leaf.get("fact") == "a" or leaf["op"] == "age"), min_size=1, max_size=4),
    st.data(),
)
def test_a_value_that_answers_a_set_is_found(parts: list[Any], data: st.DataObject) -> None:
    compiled = [(n, leaf) for n, each in enumerate(parts) if isinstance(leaf := compile_leaf(each), FactLeaf)]
    today = NOW.date()
    values: st.SearchStrategy[FactScalar] = st.sampled_from(
        [1, 2, 4, 0, True, False, "x", "y", "z", "2008-03-10", "2008-03-11", "2026-03-10", "1", -5]
    )
    value = data.draw(values)
    answers = [(n, truth) for n, leaf in compiled if (truth := leaf.judge_value(value, today)) is not None]
    if answers:
        assert tabulate_values(compiled, today).is_possible(answers)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5),
    st.text(max_size=6),
)
def test_no_text_lies_between_a_text_and_the_next(one: str, other: str) -> None:
    following = next_text(one)
    assert following is not None
    assert one < following
    assume("\0" not in other)
    assert not one < other < following


@examples(300)
@given(rules, pathways(), instants, zones)
def test_the_same_steps_give_the_same_answer_whoever_compiled_the_rule(
    rule: Any, steps: Steps, now: datetime, zone: ZoneInfo
) -> None:
    assert verdict_of(steps, rule, now, zone) == verdict_of(steps, rule, now, zone)


@examples(300)
@given(rules, pathways())
def test_a_sensitive_fact_is_named_nowhere_until_she_asks(rule: Any, steps: Steps) -> None:
    hidden = judged(rule, *steps, sensitive={"a", "b", "c", "born"})
    named = [each for each in hidden["because"] or [] if "sensitive" not in each]
    named += [each for one in hidden["if"] or [] for each in one]
    assert not [each for each in named if each.get("fact") in ("a", "b", "c", "born")]
    assert hidden["verdict"] == judged(rule, *steps, show_sensitive=True)["verdict"]
