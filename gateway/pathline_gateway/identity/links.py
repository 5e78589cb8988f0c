"""From link evidence to components: a function of the set of evidence, in whatever order it came. Pure.

Links bind in canonical order (confidence, time asserted, source, id); one that would join two refs that live evidence
tells apart waits. Design: identity, late binding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Link:
    """Live evidence that two refs are the same person, or different people."""

    source: str
    id: str
    same: bool
    a: int
    b: int
    confidence: float
    asserted_at: datetime

    @property
    def order(self) -> tuple[float, datetime, str, str]:
        """Canonical: the most confident first, then the oldest."""
        return -self.confidence, self.asserted_at, self.source, self.id


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


def components(refs: Iterable[int], links: Iterable[Link]) -> list[frozenset[int]]:
    """The refs, partitioned into people. Every link's refs must be among `refs`."""
    live = sorted(links, key=lambda link: link.order)
    members = {ref: frozenset((ref,)) for ref in refs}
    different = [(link.a, link.b) for link in live if not link.same]
    for link in live:
        joined = members[link.a] | members[link.b]
        if link.same and not any(a in joined and b in joined for a, b in different):
            members |= dict.fromkeys(joined, joined)
    return list(dict.fromkeys(members.values()))


def pathways(parts: Iterable[Collection[int]], refs: Mapping[int, Ref]) -> dict[int, UUID | None]:
    """The pathway of each ref: the birth of the oldest of its part; None where it is alone, on a pathway of its own."""
    bound: dict[int, UUID | None] = {}
    for part in parts:
        birth = min((refs[ref] for ref in part), key=lambda ref: ref.age).birth
        bound |= dict.fromkeys(part, birth if len(part) > 1 else None)
    return bound
