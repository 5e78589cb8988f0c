"""From live evidence to people: a function of the set of evidence, in whatever order it came. Pure.

In stages (design: identity, late binding): a person's decisions, the newest first; what cannot be (a ref and itself);
hubs, whose links bind nothing; then the rest in canonical order, where a link that would join two refs that are told
apart, or make one person of too many, waits. So does one that would join two people's accounts, unless they were shown
by tokens of both; and one of an organisation's own two clients that would join what others know, because it would show
others' steps on its word alone. Nor does its word release a link that would join two accounts without it: it tells
its own client apart, or makes it a hub, and would so decide whose the others' steps are. What waits is for a person to
look at. Retracted evidence is not given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.reserved_names import CITIZENS

Waiting = Literal["proposed", "overruled", "impossible", "hub", "conflict", "oversize", "accounts", "others"]
"""Why evidence does not bind."""


_OF_ONE: Final = (EvidenceRank.OWN, EvidenceRank.ONE_SIDE)
"""What one organisation says by itself, and nobody else agrees to."""


@dataclass(frozen=True, slots=True)
class ResolutionLimits:
    """Where a mistake is likelier than a person."""

    neighbours: int = 32
    """Most refs that one ref may be linked with directly."""
    refs: int = 128
    """Most refs of one person."""
    doubtful: float = 0.9
    """Below this confidence a link is looked at where it alone holds two groups together."""
    group: int = 3
    """Refs that make a group."""


LIMITS = ResolutionLimits()


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
class Resolution:
    """The refs, partitioned into people; what waits, and why; and bridges that bind and are in doubt."""

    people: list[frozenset[int]]
    waiting: dict[Evidence, Waiting]
    bridges: frozenset[Evidence]


def resolve_people(
    refs: Mapping[int, str], evidence: Iterable[Evidence], limits: ResolutionLimits = LIMITS
) -> Resolution:
    """The people among `refs`, each with its organisation, of which every ref of the evidence must be one."""
    live = sorted(set(evidence), key=lambda e: e.order)
    of_two = [e for e in live if e.standing not in _OF_ONE]
    held = frozenset[Evidence]()
    if len(of_two) < len(live):
        held = frozenset(e for e, why in _bind(refs, of_two, limits).waiting.items() if why == "accounts")
    return _bind(refs, live, limits, held)


def _bind(
    refs: Mapping[int, str],
    live: Sequence[Evidence],
    limits: ResolutionLimits,
    held: Collection[Evidence] = frozenset(),
) -> Resolution:
    """The same of evidence in its order, of which these links wait for a reviewer in any case."""
    groups, waiting = _Groups(refs), dict[Evidence, Waiting]()
    bound: list[Evidence] = []
    for decision in _newest_first(e for e in live if e.decided):
        if groups.holds(decision):
            bound += [decision] if decision.same else []
        else:
            waiting[decision] = "overruled"
    crowded = _hubs(live, limits.neighbours)
    for said in sorted((e for e in live if not e.decided), key=_turn):
        why = _told_apart(said, groups) if not said.same else _linked(said, groups, crowded, limits, said in held)
        if why is not None:
            waiting[said] = why
        elif said.same:
            bound.append(said)
    # What others have joined already is nobody's question any more.
    waiting = {e: why for e, why in waiting.items() if not (e.same and groups.of[e.a] is groups.of[e.b])}
    return Resolution(groups.all(), waiting, frozenset(_bridges(bound, limits)))


def _turn(said: Evidence) -> int:
    """Who tells apart comes first; but with a right on one side only after the person's own links."""
    if not said.same:
        return 2 if said.standing is EvidenceRank.ONE_SIDE else 0
    return 1 if said.standing is EvidenceRank.CITIZEN else 3


def _told_apart(said: Evidence, groups: _Groups) -> Waiting | None:
    """The two are not one person; or why that waits."""
    if said.standing is EvidenceRank.PROPOSED or said.a == said.b:
        return "proposed"
    return None if groups.holds(said) else "overruled"


def _linked(
    link: Evidence, groups: _Groups, crowded: Collection[int], limits: ResolutionLimits, held: bool
) -> Waiting | None:
    """The two are one person; or why that waits."""
    if (why := _unfit(link, crowded)) is not None:
        return why
    if held and groups.of[link.a] is not groups.of[link.b]:
        return "accounts"
    return groups.reach_too_far(link) or groups.join(link, limits.refs)


def pathways_of(people: Iterable[Collection[int]], refs: Mapping[int, Ref]) -> dict[int, UUID | None]:
    """The pathway of each ref: the birth of its person's oldest; None where it is alone, on a pathway of its own."""
    named: dict[int, UUID | None] = {}
    for person in people:
        birth = min((refs[ref] for ref in person), key=lambda ref: ref.age).birth
        named |= dict.fromkeys(person, birth if len(person) > 1 else None)
    return named


@dataclass
class _Groups:
    """Refs joined so far, and which must stay apart."""

    refs: Mapping[int, str]
    """Everybody, each with its organisation."""
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

    def reach_too_far(self, link: Evidence) -> Waiting | None:
        """Why this link, which no reviewer made, must not join the two that it names; None where it may."""
        one, other = self.of[link.a], self.of[link.b]
        if one is other or link.standing is EvidenceRank.OPEN:
            return None
        orgs = self.refs
        if (
            link.standing is EvidenceRank.OWN
            and self._known_to_others(one, link)
            and self._known_to_others(other, link)
        ):
            return "others"
        by_both = link.standing is EvidenceRank.CITIZEN and orgs[link.a] == orgs[link.b] == CITIZENS
        return "accounts" if not by_both and self._has_account(one) and self._has_account(other) else None

    def _known_to_others(self, person: frozenset[int], link: Evidence) -> bool:
        return any(self.refs[ref] != self.refs[link.a] for ref in person)

    def _has_account(self, person: frozenset[int]) -> bool:
        return any(self.refs[ref] == CITIZENS for ref in person)

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


def _unfit(link: Evidence, crowded: Collection[int]) -> Waiting | None:
    if link.a == link.b:
        return "impossible"
    if link.standing is EvidenceRank.PROPOSED:
        return "proposed"
    return "hub" if link.a in crowded or link.b in crowded else None


def _hubs(live: Iterable[Evidence], most: int) -> frozenset[int]:
    """Refs with more neighbours than one person has: a shared address, a form that sends one number for everybody."""
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for link in live:
        if link.same and not link.decided and link.standing is not EvidenceRank.PROPOSED:
            neighbours[link.a].add(link.b)
            neighbours[link.b].add(link.a)
    return frozenset(ref for ref, others in neighbours.items() if len(others - {ref}) > most)


def _bridges(bound: Collection[Evidence], limits: ResolutionLimits) -> Iterator[Evidence]:
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
