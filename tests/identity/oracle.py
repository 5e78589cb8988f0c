"""What a plain search over all that was said finds: slow, batch, and written without the product's own rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pathline_gateway.identity.binding import Limits
from pathline_gateway.identity.evidence import Evidence, Standing

Edge = tuple[int, int]


def reached(start: int, edges: Collection[Edge]) -> frozenset[int]:
    """Everything that these edges lead to."""
    found, before = {start}, 0
    while len(found) > before:
        before = len(found)
        found |= {y for a, b in edges for x, y in ((a, b), (b, a)) if x in found}
    return frozenset(found)


def people_of(refs: Iterable[int], told: Iterable[Evidence], limits: Limits) -> set[frozenset[int]]:
    """Takes one piece of live evidence after the other, and searches anew each time."""
    taken: list[Edge] = []
    apart: list[Edge] = []

    def take(e: Evidence, most: int = 10**9) -> None:
        here = reached(e.a, taken)
        if not e.same:
            if e.b not in here:
                apart.append((e.a, e.b))
            return
        person = here | reached(e.b, taken)
        if (e.b in here or len(person) <= most) and not any(a in person and b in person for a, b in apart):
            taken.append((e.a, e.b))

    ranked = sorted(set(told), key=lambda e: (e.standing, -e.confidence, e.asserted_at, e.source, e.id))
    decisions = [e for e in ranked if e.standing == Standing.DECISION]
    for e in sorted(decisions, key=lambda e: (e.asserted_at, e.source, e.id))[::-1]:
        take(e)
    others = [e for e in ranked if e.standing not in (Standing.DECISION, Standing.PROPOSED) and e.a != e.b]
    for e in others:
        if not e.same:
            take(e)
    near = {ref: {x for e in others if e.same and ref in (e.a, e.b) for x in (e.a, e.b)} - {ref} for ref in refs}
    for e in others:
        if e.same and max(len(near[e.a]), len(near[e.b])) <= limits.neighbours:
            take(e, limits.refs)
    return {reached(ref, taken) for ref in near}
