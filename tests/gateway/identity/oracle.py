"""What a plain search over all that was said finds: slow, batch, and written without the product's own rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import ResolutionLimits

Edge = tuple[int, int]


def reached(start: int, edges: Collection[Edge]) -> frozenset[int]:
    """Everything that these edges lead to."""
    found, before = {start}, 0
    while len(found) > before:
        before = len(found)
        found |= {y for a, b in edges for x, y in ((a, b), (b, a)) if x in found}
    return frozenset(found)


def people_of(orgs: Mapping[int, str], told: Iterable[Evidence], limits: ResolutionLimits) -> set[frozenset[int]]:
    """Takes one piece of live evidence after the other, and searches anew each time.

    What would join two accounts if no organisation had said anything by itself is left out.
    """
    told = set(told)
    of_two = {e for e in told if e.rank not in (EvidenceRank.OWN, EvidenceRank.ONE_SIDE)}
    _, refused = _searched(orgs, of_two, limits)
    return _searched(orgs, told, limits, refused)[0]


def _searched(
    orgs: Mapping[int, str], told: Iterable[Evidence], limits: ResolutionLimits, left_out: Collection[Evidence] = ()
) -> tuple[set[frozenset[int]], list[Evidence]]:
    """The people, and the links that would have joined two accounts."""
    taken: list[Edge] = []
    refused: list[Evidence] = []
    apart: list[Edge] = []

    def take(e: Evidence, most: int = 10**9) -> None:
        here = reached(e.a, taken)
        if not e.same:
            if e.b not in here:
                apart.append((e.a, e.b))
            return
        there = reached(e.b, taken)
        if e in left_out:
            return
        if e.b not in here and joins_accounts(e, here, there):
            refused.append(e)
            return
        fits = e.b in here or (len(here | there) <= most and not goes_too_far(e, here, there))
        if fits and not any(a in here | there and b in here | there for a, b in apart):
            taken.append((e.a, e.b))

    def goes_too_far(e: Evidence, here: frozenset[int], there: frozenset[int]) -> bool:
        if e.rank in (EvidenceRank.DECISION, EvidenceRank.OPEN):
            return False
        strangers = [{orgs[ref] for ref in side} != {orgs[e.a]} for side in (here, there)]
        return e.rank == EvidenceRank.OWN and all(strangers)

    def joins_accounts(e: Evidence, here: frozenset[int], there: frozenset[int]) -> bool:
        if e.rank in (EvidenceRank.DECISION, EvidenceRank.OPEN):
            return False
        accounts = ["citizen" in {orgs[ref] for ref in side} for side in (here, there)]
        by_both = e.rank == EvidenceRank.CITIZEN and {orgs[e.a], orgs[e.b]} == {"citizen"}
        return all(accounts) and not by_both

    ranks = ["DECISION", "CITIZEN", "ONE_SIDE", "HANDOFF", "LINKER", "OPEN", "OWN", "PROPOSED"]
    ranked = sorted(set(told), key=lambda e: (ranks.index(e.rank.name), -e.confidence, e.asserted_at, e.source, e.id))
    decisions = [e for e in ranked if e.rank == EvidenceRank.DECISION]
    for e in sorted(decisions, key=lambda e: (e.asserted_at, e.source, e.id))[::-1]:
        take(e)
    others = [e for e in ranked if e.rank not in (EvidenceRank.DECISION, EvidenceRank.PROPOSED) and e.a != e.b]
    near = {ref: {x for e in others if e.same and ref in (e.a, e.b) for x in (e.a, e.b)} - {ref} for ref in orgs}

    def stands(e: Evidence) -> bool:
        return not e.same or max(len(near[e.a]), len(near[e.b])) <= limits.max_neighbours

    turns = (
        [e for e in others if not e.same and e.rank != EvidenceRank.ONE_SIDE],
        [e for e in others if e.same and e.rank == EvidenceRank.CITIZEN],
        [e for e in others if not e.same and e.rank == EvidenceRank.ONE_SIDE],
        [e for e in others if e.same and e.rank != EvidenceRank.CITIZEN],
    )
    for e in (each for turn in turns for each in turn if stands(each)):
        take(e, limits.max_refs)
    return {reached(ref, taken) for ref in orgs}, refused
