"""Whatever changes of what a reader may not see, not one byte and no status that she can read changes."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull.reader_view import build_view
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import PathwayContext, compute_visible
from support.examples import examples
from support.generators.pathways import NOW, TOKEN, consent, operator, organisation, pathway, person, ref, step, subject

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


def told(known: PathwayContext, reader: Reader) -> tuple[object, ...]:
    """Everything that the reader can read."""
    seen = compute_visible(reader, NOW, known)
    if seen is None:
        return ()
    served = build_view(reader, ReaderKey(SECRET, reader.name), seen)
    return str(served.pathway).encode(), served.version.encode(), served.body, served.trace()


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


def without(known: PathwayContext, gone: set[tuple[str, str]]) -> PathwayContext:
    """The pathway without these steps."""
    return replace(known, steps=[each for each in known.steps if (each.source, each.id) not in gone])


def hidden_from(known: PathwayContext, reader: Reader) -> list[Step]:
    """The steps that decide nothing for this reader and that she does not see.

    What she sees less by is no secret from her: the end of her own mandate, or of a hand-off to her.
    """
    seen = compute_visible(reader, NOW, known)
    shown = set() if seen is None else {(each.parsed.step.source, each.parsed.step.id) for each in seen.steps}
    return [each for each in known.steps if (each.source, each.id) not in shown and not _decides(each, reader, known)]


def _decides(each: Step, reader: Reader, known: PathwayContext) -> bool:
    said = orjson.loads(each.data)
    if ".handoff." in each.type:
        # Of a hand-off that the reader has a part in; one that is concealed has no part in what she sees.
        named = {orjson.loads(s.data).get("handoff") for s in known.steps if reader.org and _names(s, reader.org)}
        return said["handoff"] in named and said.get("safety") != "conceal" and each.org != "refuge"
    if ".mandate." not in each.type or reader.kind == "operator" or Role.CITIZEN in reader.roles:
        return False
    given = (s for s in known.steps if s.type.endswith("mandate.given.v1") and s.org == each.org)
    named = {party["org"] for s in given for party in orjson.loads(s.data)["services"]}
    return reader.kind == "person" or reader.org in named


def _names(each: Step, org: str) -> bool:
    said = orjson.loads(each.data)
    return each.org == org or said.get("to", {}).get("org") == org or str(said.get("handoff")).startswith(f"{org}:")


@given(known=pathways(), reader=st.sampled_from(READERS), chosen=st.sets(st.integers(0, 11)))
@examples(400, deadline=None)
def test_steps_that_a_reader_does_not_see_leave_no_trace(
    known: PathwayContext, reader: Reader, chosen: set[int]
) -> None:
    hidden = hidden_from(known, reader)
    gone = {(each.source, each.id) for n, each in enumerate(hidden) if n in chosen}
    assert told(without(known, gone), reader) == told(known, reader)


@given(known=pathways(), reader=st.sampled_from(READERS), chosen=st.sets(st.integers(0, 11)))
@examples(300, deadline=None)
def test_a_hidden_step_may_say_anything(known: PathwayContext, reader: Reader, chosen: set[int]) -> None:
    hidden = hidden_from(known, reader)
    changed = {(each.source, each.id) for n, each in enumerate(hidden) if n in chosen}

    def other(each: Step) -> Step:
        if (each.source, each.id) not in changed or not each.type.endswith("activity.recorded.v1"):
            return each
        said = orjson.loads(each.data) | {"activity": "Something else", "episode": "another"}
        return each._replace(data=orjson.dumps(said), activity="Something else", sequence="8", extra=b'{"more":1}')

    assert told(replace(known, steps=[other(each) for each in known.steps]), reader) == told(known, reader)


@given(known=pathways(), reader=st.sampled_from(READERS), kept=st.sets(st.sampled_from(ORGS)))
@examples(300, deadline=None)
def test_a_merge_with_refs_of_which_a_reader_sees_nothing_changes_nothing(
    known: PathwayContext, reader: Reader, kept: set[str]
) -> None:
    hidden = {(each.source, each.id) for each in hidden_from(known, reader)}
    bare = {
        (each.org, each.subject)
        for each in known.refs
        if all((s.source, s.id) in hidden for s in known.steps if (s.org, s.subject) == (each.org, each.subject))
        and not reader.owns(each.org, each.subject)
        and each.org not in kept
    }
    assert told(apart(known, bare), reader) == told(known, reader)


def apart(known: PathwayContext, bare: set[tuple[str, str]]) -> PathwayContext:
    """The pathway as it was before these joined it: what they said of consents is what the strictest rule is for."""
    refs: list[StoredRef] = [each for each in known.refs if (each.org, each.subject) not in bare]
    left = [each for each in known.steps if (each.org, each.subject) not in bare]
    return replace(known, refs=refs, steps=left)


@given(known=pathways(), more=st.lists(consents(), max_size=4))
@examples(300, deadline=None)
def test_consents_about_others_change_nothing(known: PathwayContext, more: list[ConsentEvent]) -> None:
    names = {(c.org, c.subject, c.consent_id) for c in known.consents}
    others = [c for c in more if not c.concerns("alpha", "care") and (c.org, c.subject, c.consent_id) not in names]
    added = replace(known, consents=[*known.consents, *others])
    for reader in (organisation("alpha"), person(1), person(9, Role.HELPER), operator()):
        assert told(added, reader) == told(known, reader)


@given(known=pathways(), more=st.lists(consents(), max_size=4))
@examples(200, deadline=None)
def test_consents_of_who_is_concealed_change_nothing(known: PathwayContext, more: list[ConsentEvent]) -> None:
    concealed = [c for c in more if CONCEALED.conceals_ref(c.org, c.subject)]
    for reader in READERS:
        assert told(replace(known, consents=[*known.consents, *concealed]), reader) == told(known, reader)


@given(known=pathways(), reader=st.sampled_from(READERS))
@examples(300, deadline=None)
def test_nothing_of_a_refuge_is_told_to_others(known: PathwayContext, reader: Reader) -> None:
    """But by a mandate to whom it names, and to who named the refuge herself."""
    seen = compute_visible(reader, NOW, known)
    if seen is None:
        return
    served = orjson.loads(build_view(reader, ReaderKey(SECRET, reader.name), seen).body)
    others = [
        s
        for s, each in zip(served["steps"], seen.steps, strict=True)
        if not each.is_own and each.parsed.noun != "mandate"
    ]
    assert b"refuge" not in orjson.dumps(others)


@given(known=pathways(), reader=st.sampled_from(READERS[:5]))
@examples(200, deadline=None)
def test_no_name_of_anothers_is_told_as_it_is(known: PathwayContext, reader: Reader) -> None:
    seen = compute_visible(reader, NOW, known)
    if seen is None:
        return
    served = orjson.loads(build_view(reader, ReaderKey(SECRET, reader.name), seen).body)
    foreign = [s for s, each in zip(served["steps"], seen.steps, strict=True) if not each.is_own]
    text = orjson.dumps(foreign).decode()
    assert not any(f'"{each.id}"' in text for each in known.steps if not reader.owns(each.org, each.subject))
    assert subject(1) not in text
    assert "tttttttt" not in text
    assert all(each["subject"] is None and each["attributes"] == {} and each["sequence"] is None for each in foreign)
