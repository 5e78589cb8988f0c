"""Any pathway, with much that somebody may not see, and every kind of reader."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from hypothesis import strategies as st

from pathline_gateway.auth.caller import Role
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.policy import PathwayContext
from support.generators.pathways import TOKEN, consent, operator, organisation, pathway, person, ref, step, subject

SECRET = b"a secret of a test, of 32 bytes."
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
ORGS = ("alpha", "beta", "gamma", "refuge", "citizen")
SERVICES = (None, "open-service", "quiet-service")
CONCEALED = Concealment(orgs={"refuge"}, services={("beta", "quiet-service")}, refs={("gamma", subject(2))})


READERS = (
    organisation("alpha"),
    organisation("alpha", None),
    organisation("gamma"),
    person(1),
    person(9, Role.HELPER),
    operator(),
)


_numbers = itertools.count()


@st.composite
def steps(draw: st.DrawFn) -> Step:
    org = draw(st.sampled_from(ORGS))
    data: dict[str, Any] = {}
    if service := draw(st.sampled_from(SERVICES)):
        data["service"] = service
    if safety := draw(st.sampled_from((None, None, "conceal", "location-hidden", "safe-contact-only"))):
        data["safety"] = safety
    kind = draw(st.sampled_from(("activity.recorded", "contact.made", "handoff", "mandate")))
    if kind == "contact.made":
        other = draw(st.sampled_from(ORGS))
        about = {"source": f"urn:pathline:{other}:desk", "id": f"e{draw(st.integers(0, 12))}"}
        data |= {"kind": "chase", "regarding": about}
    elif kind == "handoff":
        kind, data = draw(handoffs(org, data))
    elif kind == "mandate":
        kind, data = draw(mandates(data))
    return step(org, f"e{next(_numbers)}", kind, draw(st.integers(1, 2)), draw(st.integers(0, 9)), **data)


@st.composite
def handoffs(draw: st.DrawFn, org: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if draw(st.booleans()):
        to = {"org": draw(st.sampled_from(ORGS))}
        released = draw(st.booleans())
        said = {"handoff": f"{org}:1", "to": to, "token_sha256": HASH, "context_released": released}
        return "handoff.offered", data | said
    return "handoff.accepted", data | {"handoff": f"{draw(st.sampled_from(ORGS))}:1", "token": TOKEN}


@st.composite
def mandates(draw: st.DrawFn, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if draw(st.booleans()):
        return "mandate.withdrawn", data | {"mandate": "m"}
    services = [{"org": org} for org in draw(st.lists(st.sampled_from(ORGS), max_size=2))]
    agent = {"org": "citizen", "subject": subject(draw(st.sampled_from((8, 9))))}
    return "mandate.given", data | {"mandate": "m", "agent": agent, "services": services, "powers": ["see"]}


@st.composite
def consents(draw: st.DrawFn) -> ConsentEvent:
    return consent(
        draw(st.sampled_from(ORGS)),
        f"k{next(_numbers)}",
        draw(st.booleans()),
        draw(st.integers(1, 2)),
        draw(st.integers(0, 9)),
        draw(st.lists(st.sampled_from(ORGS), max_size=2)),
        draw(st.lists(st.sampled_from(("alpha", "gamma")), max_size=2)),
        draw(st.lists(st.sampled_from(("activity", "contact", "handoff")), max_size=2)),
        draw(st.sampled_from(("care", "other"))),
        draw(st.sampled_from(("c1", "c2"))),
    )


@st.composite
def pathways(draw: st.DrawFn) -> PathwayContext:
    found = draw(st.lists(steps(), max_size=12))
    said = draw(st.lists(consents(), max_size=4))
    needed = {(each.org, each.subject) for each in found} | {("citizen", subject(1))}
    numbered = sorted(needed)
    ages = draw(st.permutations(range(len(numbered))))
    refs = [ref(org, int(name[3:24]), age) for (org, name), age in zip(numbered, ages, strict=True)]
    return pathway(refs, found, said, concealment=CONCEALED)
