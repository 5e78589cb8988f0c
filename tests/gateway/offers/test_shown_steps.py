"""Facts are folded from what a reader is served, and from no step that was for somebody else."""

from __future__ import annotations

import orjson
import pytest

from gateway.offers.cases import NOW, ZONE, StepJson, changed, states, step
from pathline_gateway.concealment.rules import NOTHING_CONCEALED
from pathline_gateway.offers.facts import serve_facts
from pathline_gateway.offers.knowledge import build_knowledge
from pathline_gateway.offers.shown_steps import shown_steps
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisibleStep
from pathline_gateway.visibility.redaction import StepRedactor
from support.oracles.engine_adapter import parsed_steps

CHILD = {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}


def served(*steps: StepJson) -> tuple[list[VisibleStep], list[Step]]:
    """Another organisation's steps, and what a reader is told of each."""
    visible = [VisibleStep(each, False) for each in parsed_steps(steps)]
    names = {(each["source"], each["id"]): (str(each["source"]), f"keyed:{n}") for n, each in enumerate(steps)}
    redactor = StepRedactor(ReaderKey(b"k" * 32, "reader"), "reader", NOTHING_CONCEALED, names)
    return visible, [redactor.redact(each.parsed) for each in visible]


def test_a_step_for_somebody_else_states_nothing_though_its_reader_is_not_told_so() -> None:
    visible, told = served(changed("birth", facts={"a": 1}, on_behalf=CHILD), states({"b": 1}))
    assert "on_behalf" not in orjson.loads(told[0].data)
    facts = serve_facts(build_knowledge(shown_steps(visible, told), NOW, ZONE).facts.values())
    assert [each["fact"] for each in facts] == ["b", "circumstance.other"]


def test_a_proof_names_events_as_the_reader_is_told_them() -> None:
    visible, told = served(step("need.expressed", {"need": "n1", "code": "food"}))
    [fact] = serve_facts(build_knowledge(shown_steps(visible, told), NOW, ZONE).facts.values())
    assert fact["values"][0]["proof"] == [{"source": told[0].source, "id": told[0].id}]
    assert told[0].id != visible[0].parsed.step.id


def test_one_s_own_step_is_read_once() -> None:
    [own] = parsed_steps([states({"a": 1})])
    assert shown_steps([VisibleStep(own, True)], [own.step])[0] is own


def test_every_step_needs_what_is_served_of_it() -> None:
    visible, told = served(states({"a": 1}), states({"b": 1}))
    with pytest.raises(ValueError, match="shorter"):
        shown_steps(visible, told[:1])


def test_of_two_at_once_the_place_on_the_pathway_decides_and_not_the_name() -> None:
    both = [step("need.expressed", {"need": n, "code": "food", "#": n}) for n in ("n1", "n2")]
    for each, name in zip(both, ("z", "a"), strict=True):
        each["id"] = name
    [fact] = serve_facts(build_knowledge(parsed_steps(both), NOW, ZONE).facts.values())
    assert fact["values"][0]["proof"][0]["id"] == "z"
