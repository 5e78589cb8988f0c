"""Steps are put together by the hand-off that they are about: the same for everybody who asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.lifecycle import compute_lifecycle, compute_lifecycles, group_by_handoff
from pathline_gateway.handoffs.pathway_handoffs import compute_pathway_lifecycles
from pathline_gateway.pathways.step import Step
from support.generators.pathways import step

ORGS = ("north", "south", "citizen")
HANDOFFS = ("north:1", "north:2", "south:1", "citizen:1")
VERBS = ("offered", "seen", "accepted", "declined", "redirected", "cancelled", "completed")


def handoff_step(org: str, id: str, verb: str, minute: int, **data: object) -> Step:
    """A step of a hand-off, of which no more is said than this."""
    recorded = step(org, id, minute=minute)
    return recorded._replace(type=f"org.pathline.handoff.{verb}.v1", data=orjson.dumps(data))


@st.composite
def handoff_steps(draw: st.DrawFn) -> list[Step]:
    found = []
    for n in range(draw(st.integers(0, 10))):
        org, minute = draw(st.sampled_from(ORGS)), draw(st.integers(0, 20))
        if not draw(st.integers(0, 5)):
            found.append(step(org, f"e{n}", minute=minute))
            continue
        verb, handoff = draw(st.sampled_from(VERBS)), draw(st.sampled_from(HANDOFFS))
        to = {"to": {"org": draw(st.sampled_from(ORGS))}} if verb in ("offered", "redirected") else {}
        found.append(handoff_step(org, f"e{n}", verb, minute, handoff=handoff, **to))
    return found


@given(handoff_steps(), st.sets(st.sampled_from(("north:1", "south:1"))))
def test_each_step_of_a_hand_off_is_in_its_group_alone(steps: list[Step], only: set[str]) -> None:
    events = [handoff_event_from_step(each) for each in steps]
    for wanted in (None, only):
        grouped = group_by_handoff(steps, wanted)
        assert {handoff: [each.event for each in group] for handoff, group in grouped.items()} == {
            handoff: [each for each in events if each is not None and each.handoff == handoff]
            for handoff in {each.handoff for each in events if each is not None}
            if wanted is None or handoff in wanted
        }
        assert all(handoff_event_from_step(each.step) == each.event for group in grouped.values() for each in group)


@given(handoff_steps(), st.randoms(use_true_random=False))
def test_lifecycles_do_not_depend_on_the_order_of_the_steps(steps: list[Step], dice: object) -> None:
    mixed = list(steps)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    assert compute_lifecycles(mixed) == compute_lifecycles(steps)
    assert compute_lifecycles(steps) == {
        handoff: compute_lifecycle(handoff, [each.event for each in group])
        for handoff, group in group_by_handoff(steps).items()
    }


def reference(steps: Sequence[Step], elsewhere: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps that count for each hand-off of a pathway, as the vocabulary says it."""
    found: dict[str, list[Step]] = {}
    named = {each.handoff for one in steps if (each := handoff_event_from_step(one)) is not None}
    for handoff in named:
        about = [one for one in steps if (each := handoff_event_from_step(one)) and each.handoff == handoff]
        offered_here = any(
            one.type.endswith(".offered.v1")
            and handoff is not None
            and handoff.partition(":")[0] == one.org != "citizen"
            for one in about
        )
        found[str(handoff)] = [one for one in about if one.org != "citizen" or offered_here] + [
            one for one in elsewhere if (each := handoff_event_from_step(one)) and each.handoff == handoff
        ]
    return found


@given(handoff_steps(), handoff_steps())
def test_a_persons_word_counts_where_the_hand_off_was_offered(steps: list[Step], others: list[Step]) -> None:
    elsewhere = [each._replace(id=f"other {each.id}", time=each.time + timedelta(seconds=1)) for each in others]
    told = compute_pathway_lifecycles(steps, elsewhere)
    assert told == [
        compute_lifecycle(handoff, [event for one in about if (event := handoff_event_from_step(one)) is not None])
        for handoff, about in sorted(reference(steps, elsewhere).items())
    ]


def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = handoff_step("north", "o", "offered", 0, handoff="north:1", to={"org": "south"})
    withdrawn = handoff_step("citizen", "w", "cancelled", 5, handoff="north:1")
    assert [life.state for life in compute_pathway_lifecycles([offered, withdrawn], ())] == ["cancelled"]
    assert [life.state for life in compute_pathway_lifecycles([withdrawn], [offered])] == ["requested"]
    monkeypatch.setattr("pathline_gateway.handoffs.pathway_handoffs._that_count", lambda handoff, steps: steps)
    assert [life.state for life in compute_pathway_lifecycles([withdrawn], [offered])] == ["cancelled"]
