"""Who is who is a function of the set of evidence: the same for every order, and what a plain search finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.oracle import people_of
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import ResolutionLimits, StoredRef, pathways_of, resolve_people

START = datetime(2026, 3, 1, tzinfo=UTC)
ORGS = dict(enumerate(("clinic", "clinic", "clinic", "shelter", "court", "citizen", "citizen")))
REFS = range(len(ORGS))
LIMITS = ResolutionLimits(max_neighbours=3, max_refs=4, doubtful_below=0.9, min_bridged_group=2)


def evidence_of(
    a: int,
    b: int,
    same: bool = True,
    standing: EvidenceRank = EvidenceRank.LINKER,
    confidence: float = 1.0,
    minute: int = 0,
    id: str | None = None,
) -> Evidence:
    at = START + timedelta(minutes=minute)
    name = id or f"{a}-{b}-{same}-{standing.name}-{minute}"
    return Evidence("urn:pathline:registry:links", name, same, a, b, standing, confidence, at)


evidence = st.lists(
    st.builds(
        evidence_of,
        st.sampled_from(REFS),
        st.sampled_from(REFS),
        st.booleans() | st.just(True),
        st.sampled_from(EvidenceRank),
        st.sampled_from([0.5, 1.0]),
        st.integers(0, 3),
        st.uuids().map(str),
    ),
    max_size=12,
)


@given(told=evidence, data=st.data())
def test_people_are_those_of_the_oracle_in_every_order(told: list[Evidence], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(told))
    repeated = data.draw(st.lists(st.sampled_from(told), max_size=3)) if told else []
    bound = resolve_people(ORGS, [*shuffled, *repeated], LIMITS)
    assert set(bound.people) == people_of(ORGS, told, LIMITS)
    again = resolve_people(ORGS, told, LIMITS)
    assert (bound.waiting, bound.bridges) == (again.waiting, again.bridges)


@given(told=evidence)
def test_everything_that_is_said_binds_or_waits_or_is_so_already(told: list[Evidence]) -> None:
    bound = resolve_people(ORGS, told, LIMITS)
    person = {ref: people for people in bound.people for ref in people}
    for e in told:
        together = person[e.a] == person[e.b]
        assert (together == e.same) or e in bound.waiting
        assert not (together and e.same and e in bound.waiting)


@given(told=evidence)
def test_no_person_that_others_than_reviewers_made_is_too_large(told: list[Evidence]) -> None:
    bound = resolve_people(ORGS, [e for e in told if not e.is_decision], LIMITS)
    assert all(len(person) <= LIMITS.max_refs for person in bound.people)


def test_a_hub_binds_nobody_and_its_links_wait() -> None:
    links = [evidence_of(0, n) for n in range(1, 500)]
    bound = resolve_people(dict.fromkeys(range(501), "clinic"), [*links, evidence_of(499, 500)])
    assert {frozenset((499, 500))} == {person for person in bound.people if len(person) > 1}
    assert set(bound.waiting) == set(links)
    assert set(bound.waiting.values()) == {"hub"}


def test_a_person_decides_what_a_hub_may_not() -> None:
    links = [evidence_of(0, n) for n in range(1, 500)]
    bound = resolve_people(
        dict.fromkeys(range(500), "clinic"), [*links, evidence_of(0, 7, standing=EvidenceRank.DECISION)]
    )
    assert {frozenset((0, 7))} == {person for person in bound.people if len(person) > 1}


def test_the_newer_decision_outranks_the_older() -> None:
    older, newer = (
        evidence_of(1, 2, standing=EvidenceRank.DECISION),
        evidence_of(1, 2, False, EvidenceRank.DECISION, minute=1),
    )
    assert resolve_people(ORGS, [older, newer]).waiting == {older: "overruled"}
    same_again = replace(older, id="again", asserted_at=START + timedelta(minutes=2))
    assert frozenset((1, 2)) in resolve_people(ORGS, [older, newer, same_again]).people


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ([evidence_of(1, 2), evidence_of(1, 2, False)], "conflict"),
        ([evidence_of(1, 1)], None),
        ([evidence_of(1, 2, standing=EvidenceRank.PROPOSED)], "proposed"),
        ([evidence_of(1, 2, False), evidence_of(1, 2, standing=EvidenceRank.DECISION)], "overruled"),
        ([evidence_of(0, 1), evidence_of(1, 2), evidence_of(2, 3), evidence_of(3, 4, minute=1)], "oversize"),
        ([evidence_of(0, 5), evidence_of(1, 6), evidence_of(0, 1)], "accounts"),
        ([evidence_of(0, 3), evidence_of(1, 4), evidence_of(0, 1, standing=EvidenceRank.OWN)], "others"),
    ],
)
def test_why_evidence_waits(told: list[Evidence], reason: str | None) -> None:
    found = set(resolve_people(ORGS, told, LIMITS).waiting.values())
    assert found == ({reason} if reason else set())


def test_what_an_organisation_says_of_its_own_joins_no_account_with_what_another_knows() -> None:
    """Whatever it says first, and however sure it is: the rest is judged before."""
    accomplice, known = (
        evidence_of(1, 5, standing=EvidenceRank.CITIZEN, minute=9),
        evidence_of(0, 3, confidence=0.5, minute=9),
    )
    own = evidence_of(0, 1, standing=EvidenceRank.OWN)
    bound = resolve_people(ORGS, [own, accomplice, known])
    assert bound.waiting == {own: "others"}
    assert {frozenset((1, 5)), frozenset((0, 3))} <= set(bound.people)
    alone = evidence_of(0, 2, standing=EvidenceRank.OWN)
    assert frozenset((0, 2, 3)) in resolve_people(ORGS, [alone, accomplice, known]).people


def test_a_person_joins_two_accounts_by_tokens_of_both_and_by_nothing_else() -> None:
    tokens = [evidence_of(0, n, standing=EvidenceRank.CITIZEN, minute=n) for n in (5, 6)]
    assert resolve_people(ORGS, tokens).waiting == {tokens[1]: "accounts"}
    both = evidence_of(5, 6, standing=EvidenceRank.CITIZEN, minute=1)
    assert frozenset((0, 5, 6)) in resolve_people(ORGS, [*tokens, both]).people


def test_who_tells_her_own_apart_from_anothers_does_not_outrank_the_person() -> None:
    hers, apart = (
        evidence_of(0, 5, standing=EvidenceRank.CITIZEN, minute=9),
        evidence_of(0, 5, False, EvidenceRank.ONE_SIDE),
    )
    bound = resolve_people(ORGS, [apart, hers])
    assert (frozenset((0, 5)) in bound.people, bound.waiting) == (True, {apart: "overruled"})
    handed = evidence_of(0, 3, standing=EvidenceRank.HANDOFF)
    against = evidence_of(0, 3, False, EvidenceRank.ONE_SIDE, minute=9)
    assert resolve_people(ORGS, [handed, against]).waiting == {handed: "conflict"}


def test_no_organisation_releases_by_itself_a_link_that_would_join_two_accounts() -> None:
    """Not by telling its client apart, and not by making it a hub; a reviewer does."""
    hers, right = evidence_of(0, 5, standing=EvidenceRank.CITIZEN), evidence_of(0, 3, confidence=0.9)
    his, wrong = evidence_of(1, 6, standing=EvidenceRank.CITIZEN), evidence_of(1, 3, confidence=0.5)
    told = [hers, right, his, wrong]
    assert resolve_people(ORGS, told).waiting == {wrong: "accounts"}
    apart = evidence_of(0, 3, False, EvidenceRank.ONE_SIDE)
    assert resolve_people(ORGS, [*told, apart]).waiting == {right: "conflict", wrong: "accounts"}
    crowd = [evidence_of(0, n, standing=EvidenceRank.OWN) for n in (1, 2, 4)]
    waiting = resolve_people(ORGS, [*told, *crowd], ResolutionLimits(max_neighbours=4)).waiting
    assert (waiting[right], waiting[wrong]) == ("hub", "accounts")
    decided = evidence_of(1, 3, standing=EvidenceRank.DECISION, minute=9)
    assert frozenset((1, 3, 6)) in resolve_people(ORGS, [*told, apart, decided]).people


def test_a_doubtful_link_that_alone_holds_two_groups_together_binds_and_is_flagged() -> None:
    doubtful = evidence_of(1, 2, confidence=0.5)
    apart = [evidence_of(0, 1), evidence_of(2, 3)]
    bound = resolve_people(ORGS, [doubtful, *apart], LIMITS)
    assert bound.bridges == {doubtful}
    assert frozenset((0, 1, 2, 3)) in bound.people
    assert not resolve_people(ORGS, [doubtful, *apart, evidence_of(0, 3)], LIMITS).bridges
    assert not resolve_people(ORGS, [doubtful, evidence_of(0, 1)], LIMITS).bridges


@given(told=evidence, births=st.lists(st.uuids(), min_size=7, max_size=7, unique=True), ages=st.permutations(REFS))
def test_a_pathway_is_named_after_its_oldest_ref(told: list[Evidence], births: list[UUID], ages: list[int]) -> None:
    refs = {n: StoredRef(n, "org", f"s{n}", births[n], START + timedelta(minutes=ages[n])) for n in REFS}
    people = resolve_people(ORGS, told, LIMITS).people
    named = pathways_of(people, refs)
    for person in people:
        oldest = min(person, key=lambda ref: ages[ref])
        assert {named[ref] for ref in person} == ({None} if len(person) == 1 else {births[oldest]})
