"""Components are a function of the set of evidence: the same for every order, and what a simple search finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.identity.links import Link, Ref, components, pathways

START = datetime(2026, 3, 1, tzinfo=UTC)
REFS = range(6)

pairs = st.tuples(st.sampled_from(REFS), st.sampled_from(REFS)).filter(lambda pair: pair[0] != pair[1])
links = st.lists(
    st.builds(
        lambda pair, same, confidence, minute, id: Link(
            "urn:pathline:registry:links", id, same, *pair, confidence, START + timedelta(minutes=minute)
        ),
        pairs,
        st.booleans(),
        st.sampled_from([0.5, 1.0]),
        st.integers(0, 2),
        st.uuids().map(str),
    ),
    max_size=9,
)


def reached(start: int, edges: list[tuple[int, int]]) -> frozenset[int]:
    seen, frontier = {start}, [start]
    while frontier:
        here = frontier.pop()
        for a, b in edges:
            for near, far in ((a, b), (b, a)):
                if near == here and far not in seen:
                    seen.add(far)
                    frontier.append(far)
    return frozenset(seen)


def oracle(evidence: list[Link]) -> set[frozenset[int]]:
    """Takes one link after the other, unless a search then reaches both of two that are told apart."""
    apart = [(link.a, link.b) for link in evidence if not link.same]
    taken: list[tuple[int, int]] = []
    for link in sorted(evidence, key=lambda k: (-k.confidence, k.asserted_at, k.source, k.id)):
        trial = [*taken, (link.a, link.b)]
        if link.same and not any(b in reached(a, trial) for a, b in apart if {a, b} <= reached(link.a, trial)):
            taken = trial
    return {reached(ref, taken) for ref in REFS}


@given(evidence=links, data=st.data())
def test_components_are_those_of_the_oracle_in_every_order(evidence: list[Link], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(evidence))
    repeated = data.draw(st.lists(st.sampled_from(evidence), max_size=3)) if evidence else []
    assert set(components(REFS, [*shuffled, *repeated])) == oracle(evidence)


@given(evidence=links, births=st.lists(st.uuids(), min_size=6, max_size=6, unique=True), ages=st.permutations(REFS))
def test_a_pathway_is_named_after_its_oldest_ref(evidence: list[Link], births: list[UUID], ages: list[int]) -> None:
    refs = {n: Ref(n, "org", f"s{n}", births[n], START + timedelta(minutes=ages[n])) for n in REFS}
    bound = pathways(components(REFS, evidence), refs)
    for part in components(REFS, evidence):
        names = {bound[ref] for ref in part}
        oldest = min(part, key=lambda ref: ages[ref])
        assert names == ({None} if len(part) == 1 else {births[oldest]})
