"""From live evidence to people: a function of the set of evidence, in whatever order it came. Pure.

In stages (design: identity, late binding). First come a person's decisions, the newest first. Then impossible links, of
a ref and itself. Then hubs, whose links bind nothing. Then the rest in canonical order. A link waits that would join
two refs that are told apart, or make one person of too many. A link waits that would join two people's accounts, unless
tokens of both were shown. A link of an organisation's own two clients waits where it would join others' refs. It would
show others' steps on its word alone. Nor does its word release a link that would join two accounts without it. By
telling its own client apart, or making it a hub, it would decide whose the others' steps are. A person looks at links
that wait. The caller leaves out retracted evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

WaitReason = Literal["proposed", "overruled", "impossible", "hub", "conflict", "oversize", "accounts", "others"]
"""Why evidence does not bind."""


_SINGLE_ORG_RANKS: Final = (EvidenceRank.OWN, EvidenceRank.ONE_SIDE)
"""What one organisation says by itself, and nobody else agrees to."""


@dataclass(frozen=True, slots=True)
class ResolutionLimits:
    """Where a mistake is likelier than a person."""

    max_neighbours: int = 32
    """Most refs that one ref may be linked with directly."""
    max_refs: int = 128
    """Most refs of one person."""
    doubtful_below: float = 0.9
    """Below this confidence a link is looked at where it alone holds two groups together."""
    min_bridged_group: int = 3
    """Refs that make a group."""


LIMITS = ResolutionLimits()


@dataclass(frozen=True, slots=True)
class StoredRef:
    """What decides which ref of a pathway is the oldest."""

    id: int
    org: str
    subject: str
    anchor_id: UUID
    received_at: datetime

    @property
    def age_key(self) -> tuple[datetime, str, str]:
        """Smallest for the oldest."""
        return self.received_at, self.org, self.subject


@dataclass(frozen=True, slots=True)
class Resolution:
    """The refs, partitioned into people; what waits, and why; and bridges that bind and are in doubt."""

    people: list[frozenset[int]]
    waiting: dict[Evidence, WaitReason]
    bridges: frozenset[Evidence]


def resolve_people(
    refs: Mapping[int, str], evidence: Iterable[Evidence], limits: ResolutionLimits = LIMITS
) -> Resolution:
    """The people among `refs`, each with its organisation, of which every ref of the evidence must be one."""
    ordered = sorted(set(evidence), key=lambda e: e.sort_key)
    two_sided = [e for e in ordered if e.rank not in _SINGLE_ORG_RANKS]
    forced_waiting = frozenset[Evidence]()
    if len(two_sided) < len(ordered):
        forced_waiting = frozenset(
            e for e, reason in _resolve(refs, two_sided, limits).waiting.items() if reason == "accounts"
        )
    return _resolve(refs, ordered, limits, forced_waiting)


def _resolve(
    refs: Mapping[int, str],
    ordered: Sequence[Evidence],
    limits: ResolutionLimits,
    forced_waiting: Collection[Evidence] = frozenset(),
) -> Resolution:
    """The same of evidence in its order, of which these links wait for a reviewer in any case."""
    groups, waiting = _UnionFind(refs), dict[Evidence, WaitReason]()
    bound_links: list[Evidence] = []
    for decision in _newest_first(e for e in ordered if e.is_decision):
        if groups.try_assert(decision):
            bound_links += [decision] if decision.same else []
        else:
            waiting[decision] = "overruled"
    hubs = _find_hubs(ordered, limits.max_neighbours)
    for item in sorted((e for e in ordered if not e.is_decision), key=_stage):
        reason = (
            _try_separate(item, groups)
            if not item.same
            else _try_link(item, groups, hubs, limits, item in forced_waiting)
        )
        if reason is not None:
            waiting[item] = reason
        elif item.same:
            bound_links.append(item)
    # What others have joined already is nobody's question any more.
    waiting = {
        e: reason for e, reason in waiting.items() if not (e.same and groups.group_of[e.a] is groups.group_of[e.b])
    }
    return Resolution(groups.groups(), waiting, frozenset(_find_bridges(bound_links, limits)))


def _stage(evidence: Evidence) -> int:
    """Who tells apart comes first; but with a right on one side only after the person's own links."""
    if not evidence.same:
        return 2 if evidence.rank is EvidenceRank.ONE_SIDE else 0
    return 1 if evidence.rank is EvidenceRank.CITIZEN else 3


def _try_separate(distinction: Evidence, groups: _UnionFind) -> WaitReason | None:
    """The two are not one person; or why that waits."""
    if distinction.rank is EvidenceRank.PROPOSED or distinction.a == distinction.b:
        return "proposed"
    return None if groups.try_assert(distinction) else "overruled"


def _try_link(
    link: Evidence, groups: _UnionFind, hubs: Collection[int], limits: ResolutionLimits, must_wait: bool
) -> WaitReason | None:
    """The two are one person; or why that waits."""
    if (reason := _why_unlinkable(link, hubs)) is not None:
        return reason
    if must_wait and groups.group_of[link.a] is not groups.group_of[link.b]:
        return "accounts"
    return groups.why_link_exceeds_right(link) or groups.union(link, limits.max_refs)


def pathways_of(people: Iterable[Collection[int]], refs: Mapping[int, StoredRef]) -> dict[int, UUID | None]:
    """The pathway of each ref: the anchor id of its person's oldest; None where it is alone, on its own."""
    pathway_by_ref: dict[int, UUID | None] = {}
    for person in people:
        anchor_id = min((refs[ref] for ref in person), key=lambda ref: ref.age_key).anchor_id
        pathway_by_ref |= dict.fromkeys(person, anchor_id if len(person) > 1 else None)
    return pathway_by_ref


@dataclass
class _UnionFind:
    """Refs joined so far, and which must stay apart."""

    org_by_ref: Mapping[int, str]
    """Everybody, each with its organisation."""
    group_of: dict[int, frozenset[int]] = field(init=False)
    distinct_from: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.group_of = {ref: frozenset((ref,)) for ref in self.org_by_ref}

    def try_assert(self, evidence: Evidence) -> bool:
        """Whether this fits the evidence before it; then it holds."""
        if evidence.same:
            return self.union(evidence) is None
        if self.group_of[evidence.a] is self.group_of[evidence.b]:
            return False
        self.distinct_from[evidence.a].add(evidence.b)
        self.distinct_from[evidence.b].add(evidence.a)
        return True

    def why_link_exceeds_right(self, link: Evidence) -> WaitReason | None:
        """Why this link, which no reviewer made, must not join the two that it names; None where it may."""
        first, second = self.group_of[link.a], self.group_of[link.b]
        if first is second or link.rank is EvidenceRank.OPEN:
            return None
        orgs = self.org_by_ref
        if link.rank is EvidenceRank.OWN and self._has_foreign_ref(first, link) and self._has_foreign_ref(second, link):
            return "others"
        both_own_accounts = link.rank is EvidenceRank.CITIZEN and orgs[link.a] == orgs[link.b] == CITIZEN_ORGANISATION
        return "accounts" if not both_own_accounts and self._has_account(first) and self._has_account(second) else None

    def _has_foreign_ref(self, person: frozenset[int], link: Evidence) -> bool:
        return any(self.org_by_ref[ref] != self.org_by_ref[link.a] for ref in person)

    def _has_account(self, person: frozenset[int]) -> bool:
        return any(self.org_by_ref[ref] == CITIZEN_ORGANISATION for ref in person)

    def union(self, link: Evidence, max_refs: int | None = None) -> WaitReason | None:
        """The two are one person; or why not."""
        first, second = self.group_of[link.a], self.group_of[link.b]
        if first is second:
            return None
        small, large = sorted((first, second), key=len)
        if any(not self.distinct_from[ref].isdisjoint(large) for ref in small if ref in self.distinct_from):
            return "conflict"
        if max_refs is not None and len(small) + len(large) > max_refs:
            return "oversize"
        joined = small | large
        self.group_of |= dict.fromkeys(joined, joined)
        return None

    def groups(self) -> list[frozenset[int]]:
        return list(dict.fromkeys(self.group_of.values()))


def _newest_first(decisions: Iterable[Evidence]) -> list[Evidence]:
    """A decision outranks those before it."""
    return sorted(decisions, key=lambda e: (e.asserted_at, e.source, e.id), reverse=True)


def _why_unlinkable(link: Evidence, hubs: Collection[int]) -> WaitReason | None:
    if link.a == link.b:
        return "impossible"
    if link.rank is EvidenceRank.PROPOSED:
        return "proposed"
    return "hub" if link.a in hubs or link.b in hubs else None


def _find_hubs(evidence: Iterable[Evidence], max_neighbours: int) -> frozenset[int]:
    """Refs with more neighbours than one person has: a shared address, a form that sends one number for everybody."""
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for link in evidence:
        if link.same and not link.is_decision and link.rank is not EvidenceRank.PROPOSED:
            neighbours[link.a].add(link.b)
            neighbours[link.b].add(link.a)
    return frozenset(ref for ref, adjacent in neighbours.items() if len(adjacent - {ref}) > max_neighbours)


def _find_bridges(links: Collection[Evidence], limits: ResolutionLimits) -> Iterator[Evidence]:
    """Doubtful links without which a person would fall into two groups."""
    doubtful = [e for e in links if e.confidence < limits.doubtful_below and not e.is_decision]
    if not doubtful:
        return
    edges: defaultdict[int, list[Evidence]] = defaultdict(list)
    for link in links:
        edges[link.a].append(link)
        edges[link.b].append(link)
    for link in doubtful:
        near_side, far_side = _reachable_without(link.a, edges, link), _reachable_without(link.b, edges, link)
        if link.b not in near_side and min(len(near_side), len(far_side)) >= limits.min_bridged_group:
            yield link


def _reachable_without(start: int, edges: Mapping[int, list[Evidence]], excluded: Evidence) -> set[int]:
    visited, frontier = {start}, [start]
    while frontier:
        for link in edges[frontier.pop()]:
            if link is not excluded:
                for ref in (link.a, link.b):
                    if ref not in visited:
                        visited.add(ref)
                        frontier.append(ref)
    return visited
