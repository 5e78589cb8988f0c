"""Whatever changes of what a reader may not see, not one byte and no status that she can read changes."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.visibility.any_pathway import CONCEALED, ORGS, READERS, SECRET, consents, pathways
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull.reader_view import build_view
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import PathwayContext, compute_visible
from support.examples import examples
from support.generators.pathways import NOW, operator, organisation, person, subject


def readable(known: PathwayContext, reader: Reader) -> tuple[object, ...]:
    """Everything that the reader can read."""
    seen = compute_visible(reader, NOW, known)
    if seen is None:
        return ()
    served = build_view(reader, ReaderKey(SECRET, reader.name), seen)
    return str(served.pathway).encode(), served.version.encode(), served.body, served.trace()


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
    assert readable(without(known, gone), reader) == readable(known, reader)


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

    assert readable(replace(known, steps=[other(each) for each in known.steps]), reader) == readable(known, reader)


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
    assert readable(apart(known, bare), reader) == readable(known, reader)


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
        assert readable(added, reader) == readable(known, reader)


@given(known=pathways(), more=st.lists(consents(), max_size=4))
@examples(200, deadline=None)
def test_consents_of_who_is_concealed_change_nothing(known: PathwayContext, more: list[ConsentEvent]) -> None:
    concealed = [c for c in more if CONCEALED.conceals_ref(c.org, c.subject)]
    for reader in READERS:
        assert readable(replace(known, consents=[*known.consents, *concealed]), reader) == readable(known, reader)


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
