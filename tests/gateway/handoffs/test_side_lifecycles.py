"""Whoever has a part in a hand-off has a view of her own: all of it, less what is concealed from her."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs.event import HandoffStep, handoff_event_from_step
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycle
from pathline_gateway.handoffs.side_lifecycles import compute_side_lifecycles
from pathline_gateway.pathways.step import Step

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ORGS = ("clinic", "court", "housing", "refuge", "stranger")
HANDOFF = "clinic:h"
VERBS = ("offered", "accepted", "declined", "redirected", "cancelled", "expired", "started")


def handoff_step(n: int, org: str, verb: str, to: str, service: str | None, safety: str | None) -> HandoffStep:
    """What an organisation said at the nth minute."""
    said: dict[str, Any] = {"handoff": HANDOFF, "safety": safety, "service": service}
    if verb in ("offered", "redirected"):
        said["to"] = {"org": to}
    nothing = None
    step = Step(
        f"urn:pathline:{org}:desk", str(n), f"org.pathline.handoff.{verb}.v1", BEGIN + timedelta(minutes=n), nothing,
        org, f"v1.{org}", nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, b"{}",
        json.dumps(said).encode(),
    )  # fmt: skip
    event = handoff_event_from_step(step)
    assert event is not None
    return HandoffStep(step, event)


ORG = st.sampled_from(ORGS)
SAYS = st.tuples(
    st.sampled_from(("clinic", "housing", *ORGS)),
    st.sampled_from(VERBS),
    ORG,
    st.sampled_from((None, None, "trauma")),
    st.sampled_from((None, None, None, "conceal")),
)
CONCEALMENT = st.builds(
    Concealment,
    st.frozensets(ORG, max_size=2),
    st.frozensets(st.tuples(ORG, st.just("trauma")), max_size=1),
    st.frozensets(ORG.map(lambda org: (org, f"v1.{org}")), max_size=1),
)


def hidden(each: HandoffStep, org: str, concealment: Concealment) -> bool:
    """Said simply, for the events of this test."""
    step, event = each
    if step.org == org:
        return False
    orgs = concealment.orgs - {org}
    by_itself = event.data["safety"] == "conceal" or (step.org, step.subject) in concealment.refs
    place = (step.org, event.data["service"])
    return (
        by_itself
        or bool({step.org, event.receiver, "clinic"} & orgs)
        or (place[0] != org and place in concealment.services)
    )


@given(st.lists(SAYS, max_size=9), CONCEALMENT, st.frozensets(ORG, max_size=1))
def test_each_side_has_all_that_is_not_concealed_from_it(
    says: list[tuple[Any, ...]], concealment: Concealment, before: frozenset[str]
) -> None:
    steps = [handoff_step(n, *each) for n, each in enumerate([("clinic", "offered", "housing", None, None), *says])]
    found = compute_side_lifecycles(HANDOFF, steps, concealment, before)
    own: dict[str, Lifecycle] = {
        org: compute_lifecycle(HANDOFF, [each.event for each in steps if not hidden(each, org, concealment)])
        for org in ORGS
    }
    whole = compute_lifecycle(HANDOFF, [each.event for each in steps])
    assert found.keys() == {org for org in ORGS if org in {*own[org].sides, *whole.sides, *before}}
    assert found == {org: own[org] for org in found}
