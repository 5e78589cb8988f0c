"""From live evidence to people: a function of the set of evidence, in whatever order it came. Pure.

In stages (design: identity, late binding): a person's decisions, the newest first; what cannot be (a ref and itself);
hubs, whose links bind nothing; then the rest in canonical order, where a link that would join two refs that are told
apart, or make one person of too many, waits. What waits is for a person to look at. Retracted evidence is not given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pathline_gateway.identity.evidence import Evidence, Standing

Waiting = Literal["proposed", "overruled", "impossible", "hub", "conflict", "oversize"]
"""Why evidence does not bind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a mistake is likelier than a person."""

    neighbours: int = 32
    """Most refs that one ref may be linked with directly."""
    refs: int = 128
    """Most refs of one person."""
    doubtful: float = 0.9
    """Below this confidence a link is looked at where it alone holds two groups together."""
    group: int = 3
    """Refs that make a group."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Ref:
    """What decides which ref of a pathway is the oldest."""

    id: int
    org: str
    subject: str
    birth: UUID
    received_at: datetime

    @property
    def age(self) -> tuple[datetime, str, str]:
        """Smallest for the oldest."""
        return self.received_at, self.org, self.subject


@dataclass(frozen=True, slots=True)
class Bound:
    """The refs, partitioned into people; what waits, and why; and bridges that bind and are in doubt."""

    people: list[frozenset[int]]
    waiting: dict[Evidence, Waiting]
    bridges: frozenset[Evidence]


def bind(refs: Iterable[int], evidence: Iterable[Evidence], limits: Limits = LIMITS) -> Bound:
    """The people among `refs`, of which every ref of the evidence must be one."""
    live = sorted(set(evidence), key=lambda e: e.order)
    groups, waiting = _Groups(refs), dict[Evidence, Waiting]()
    bound: list[Evidence] = []
    for decision in _newest_first(e for e in live if e.decided):
        if groups.holds(decision):
            bound += [decision] if decision.same else []
        else:
            waiting[decision] = "overruled"
    for told_apart in (e for e in live if not e.same and not e.decided):
        if not _told(told_apart):
            waiting[told_apart] = "proposed"
        elif not groups.holds(told_apart):
            waiting[told_apart] = "overruled"
    crowded = _hubs(live, limits.neighbours)
    for link in (e for e in live if e.same and not e.decided):
        why = _unfit(link, crowded) or groups.join(link, limits.refs)
        if why is None:
            bound.append(link)
        else:
            waiting[link] = why
    # What others have joined already is nobody's question any more.
    waiting = {e: why for e, why in waiting.items() if not (e.same and groups.of[e.a] is groups.of[e.b])}
    return Bound(groups.all(), waiting, frozenset(_bridges(bound, limits)))


def pathways(people: Iterable[Collection[int]], refs: Mapping[int, Ref]) -> dict[int, UUID | None]:
    """The pathway of each ref: the birth of its person's oldest; None where it is alone, on a pathway of its own."""
    named: dict[int, UUID | None] = {}
    for person in people:
        birth = min((refs[ref] for ref in person), key=lambda ref: ref.age).birth
        named |= dict.fromkeys(person, birth if len(person) > 1 else None)
    return named


@dataclass
class _Groups:
    """Refs joined so far, and which must stay apart."""

    refs: Iterable[int]
    of: dict[int, frozenset[int]] = field(init=False)
    apart: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.of = {ref: frozenset((ref,)) for ref in self.refs}

    def holds(self, said: Evidence) -> bool:
        """Whether this can be so beside what was said before; then it is so."""
        if said.same:
            return self.join(said) is None
        if self.of[said.a] is self.of[said.b]:
            return False
        self.apart[said.a].add(said.b)
        self.apart[said.b].add(said.a)
        return True

    def join(self, link: Evidence, most: int | None = None) -> Waiting | None:
        """The two are one person; or why not."""
        one, other = self.of[link.a], self.of[link.b]
        if one is other:
            return None
        small, large = sorted((one, other), key=len)
        if any(not self.apart[ref].isdisjoint(large) for ref in small if ref in self.apart):
            return "conflict"
        if most is not None and len(small) + len(large) > most:
            return "oversize"
        joined = small | large
        self.of |= dict.fromkeys(joined, joined)
        return None

    def all(self) -> list[frozenset[int]]:
        return list(dict.fromkeys(self.of.values()))


def _newest_first(decisions: Iterable[Evidence]) -> list[Evidence]:
    """A decision outranks those before it."""
    return sorted(decisions, key=lambda e: (e.asserted_at, e.source, e.id), reverse=True)


def _told(apart: Evidence) -> bool:
    return apart.standing is not Standing.PROPOSED and apart.a != apart.b


def _unfit(link: Evidence, crowded: Collection[int]) -> Waiting | None:
    if link.a == link.b:
        return "impossible"
    if link.standing is Standing.PROPOSED:
        return "proposed"
    return "hub" if link.a in crowded or link.b in crowded else None


def _hubs(live: Iterable[Evidence], most: int) -> frozenset[int]:
    """Refs with more neighbours than one person has: a shared address, a form that sends one number for everybody."""
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for link in live:
        if link.same and not link.decided and link.standing is not Standing.PROPOSED:
            neighbours[link.a].add(link.b)
            neighbours[link.b].add(link.a)
    return frozenset(ref for ref, others in neighbours.items() if len(others - {ref}) > most)


def _bridges(bound: Collection[Evidence], limits: Limits) -> Iterator[Evidence]:
    """Doubtful links without which a person would fall into two groups."""
    doubtful = [e for e in bound if e.confidence < limits.doubtful and not e.decided]
    if not doubtful:
        return
    edges: defaultdict[int, list[Evidence]] = defaultdict(list)
    for link in bound:
        edges[link.a].append(link)
        edges[link.b].append(link)
    for link in doubtful:
        near, far = _reached(link.a, edges, link), _reached(link.b, edges, link)
        if link.b not in near and min(len(near), len(far)) >= limits.group:
            yield link


def _reached(start: int, edges: Mapping[int, list[Evidence]], without: Evidence) -> set[int]:
    seen, frontier = {start}, [start]
    while frontier:
        for link in edges[frontier.pop()]:
            if link is not without:
                for ref in (link.a, link.b):
                    if ref not in seen:
                        seen.add(ref)
                        frontier.append(ref)
    return seen
