"""The same through HTTP, on a real Postgres: whatever an organisation publishes, nobody is answered more of others."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import Caller
from pathline_gateway.embedded import Machine
from pathline_gateway.intake.batch_transaction import ApplyTarget
from support.examples import number as some_or_all
from support.gateways.routes import GatewayRoutes, citizen, helper, purpose_headers, routes_on, subscriber
from support.intake.history import GROUP, TOKEN_SHA256, Event, linked, ref, step, subject

pytestmark = pytest.mark.timeout(900)

EXAMPLES = int(os.environ.get("GRANTS_HTTP_EXAMPLES", some_or_all(30)))
HER, ACCOMPLICE = subject(9), subject(3)
CALLERS: Sequence[Caller] = (subscriber("charity"), subscriber("court"), citizen(ACCOMPLICE), helper(ACCOMPLICE))
KNOWN = (("charity", 1), ("charity", 2), ("clinic", 1), ("court", 4), ("citizen", 9), ("citizen", 3))


def make_event(org: str, id: str, type: str, n: int, minute: int = 5, **data: Any) -> Event:
    payload = TYPES[f"org.pathline.{type}.v1"].model_validate_json(json.dumps(data))
    return Event(org, id, subject(n), payload, minute)


HONEST: Sequence[Event] = (
    step("clinic", "c1", 1, 1),
    step("charity", "x1", 1, 2),
    step("charity", "x2", 2, 2),
    step("court", "z1", 4, 3),
    step("citizen", "m1", 9, 4),
    step("citizen", "m2", 3, 4),
    # As reviewers, tokens and hand-offs join people: by a right that the attacker has not.
    linked("l1", ref("clinic", 1), ref("charity", 1)),
    linked("l2", ref("clinic", 1), ref("citizen", 9)),
    linked("l3", ref("charity", 2), ref("citizen", 3)),
)
AGENT: dict[str, Any] = {"agent": ref("citizen", 3), "powers": ["see", "speak", "act"]}
QUIETLY: Sequence[dict[str, str]] = ({}, {"safety": "conceal"}, {"safety": "location-hidden"})


@st.composite
def event_of_the_charity(draw: st.DrawFn, n: int) -> Event:
    """One event of the charity's, under any ref of its own."""
    under, minute = draw(st.sampled_from((1, 2, 7))), draw(st.sampled_from((0, 5, 50)))
    kind = draw(st.sampled_from(("consent.given", "mandate.given", "identity", "handoff", "withdrawn", "step")))
    quietly = draw(st.sampled_from(QUIETLY))
    some = st.sampled_from(([], ["charity"], ["clinic"], ["clinic", "charity"]))
    id = f"a{n}"
    if kind == "consent.given":
        recipients = draw(st.sampled_from((["charity"], ["court", "charity"])))
        nouns = ["activity", "handoff", "consent", "mandate"]
        more = {"holders": draw(some), "recipients": recipients, "nouns": nouns, "purpose": "care"}
        return make_event("charity", id, kind, under, minute, consent=f"k{n}", **more, **quietly)
    if kind == "mandate.given":
        services = [{"org": org} for org in draw(some)]
        return make_event("charity", id, kind, under, minute, mandate="m", services=services, **AGENT, **quietly)
    if kind == "identity":
        a, b = draw(st.lists(st.sampled_from(KNOWN), min_size=2, max_size=2, unique=True))
        both = [ref(*a), ref(*b)]
        if draw(st.booleans()):
            return make_event("charity", id, "identity.linked", under, minute, same=both, method="citizen-token")
        return make_event("charity", id, "identity.distinguished", under, minute, different=both)
    if kind == "handoff":
        to = {"org": draw(st.sampled_from(("charity", "court", "clinic")))}
        verb = draw(st.sampled_from(("offered", "redirected", "accepted")))
        # Nobody offers under the name of another's hand-off: the contract refuses it.
        handoff = draw(st.sampled_from(("charity:1", "clinic:1"))) if verb != "offered" else "charity:1"
        shown: dict[str, Any] = {"to": to, "token_sha256": TOKEN_SHA256, "context_released": True}
        if verb == "accepted":
            shown = {"token": "a-token-of-22-characters", "context_released": True}
        return make_event("charity", id, f"handoff.{verb}", under, minute, handoff=handoff, **shown, **quietly)
    if kind == "withdrawn":
        return make_event("charity", id, "mandate.withdrawn", under, minute, mandate="m", **quietly)
    return step("charity", id, under, minute)


async def answered(gateway: GatewayRoutes) -> list[set[str]]:
    """Of each caller, whose steps she is answered besides her own organisation's: their times and organisations."""
    found: list[set[str]] = []
    for caller in CALLERS:
        shown: set[str] = set()
        for org, n in KNOWN:
            pathway = await gateway.find(caller, org, subject(n))
            if pathway is None:
                continue
            for purpose in (None, "care", "other"):
                answer = await gateway.request(
                    caller, "GET", f"/v1/pathways/{pathway}", headers=purpose_headers(purpose)
                )
                shown |= {f"{s['org']} {s['time']} {s['type']}" for s in answer.json().get("steps", ())}
        found.append({each for each in shown if not each.startswith("charity ")})
    return found


async def attacked(machine: Machine, events: Sequence[Event]) -> tuple[list[set[str]], list[set[str]], list[str]]:
    """What everybody is answered before and after these events; and who she is told looked."""
    async with routes_on(machine) as gateway:
        await gateway.publish(*HONEST)
        before = await answered(gateway)
        gateway.partition.into = ApplyTarget(GROUP, register_unknown=False)
        await gateway.publish(*events)
        after = await answered(gateway)
        listed = (await gateway.request(citizen(HER), "GET", "/v1/mandates")).json()["mandates"]
        return before, after, [each["counts"] for each in listed if each["org"] == "charity"]


@pytest.mark.scaled
@pytest.mark.timeout(900)
@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # each example takes seconds: shrinking would take an hour
    suppress_health_check=list(HealthCheck),
)
def test_whatever_an_organisation_publishes_nobody_is_answered_more_of_others(
    machine: Machine, data: st.DataObject
) -> None:
    events = [data.draw(event_of_the_charity(n)) for n in range(data.draw(st.integers(1, 8)))]
    before, after, mandates = asyncio.run(attacked(machine, events))
    for caller, was, now in zip(CALLERS, before, after, strict=True):
        assert now <= was, caller
    assert set(mandates) <= {"proposal"}


def test_the_comparison_sees_what_is_granted(machine: Machine) -> None:
    """By her, the same words show the charity the clinic's step, and her agent hers."""
    said: dict[str, Any] = {"holders": ["clinic"], "recipients": ["charity"], "nouns": ["activity"], "purpose": "care"}
    hers = [
        make_event("citizen", "g1", "consent.given", 9, consent="k", **said),
        make_event("citizen", "g2", "mandate.given", 9, mandate="m", services=[{"org": "clinic"}], **AGENT),
    ]
    before, after, _ = asyncio.run(attacked(machine, hers))
    more = [now - was for was, now in zip(before, after, strict=True)]
    assert [any(each.startswith("clinic ") for each in found) for found in more] == [True, False, False, True]
