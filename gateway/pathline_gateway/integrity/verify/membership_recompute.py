"""Which refs the evidence seen puts on which pathway: one pass over all evidence, with births from the store.

Held in memory: the refs that links name, not what stands under them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.connected_component import evidence_of
from pathline_gateway.identity.evidence import Evidence
from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.identity.membership_writer import waiting
from pathline_gateway.identity.resolution import resolve_people
from pathline_gateway.integrity.verify import scans

_PAGE = 5_000


@dataclass(frozen=True)
class RecomputedMembership:
    """Pathways of several refs; every other ref is a pathway of its own."""

    pathway: dict[int, UUID]
    refs: dict[UUID, list[int]]
    waiting: set[ReviewRow]
    """Evidence that a person has to look at."""

    def group(self, ref: int, birth: UUID) -> list[int]:
        """The refs of the pathway with this birth, or none when this ref is on another's."""
        return self.refs.get(birth, []) if ref in self.pathway else [ref]


async def bound(connection: asyncpg.Connection, closed: Collection[int] = frozenset()) -> RecomputedMembership:
    """The pathways of all refs that evidence names, at this transaction's snapshot.

    `closed`: refs of which something is set aside. Where not all can be computed, everybody who is connected with one
    of them is left out, and stays where she is.
    """
    evidence: dict[Evidence, int] = {}
    orgs: dict[int, str] = {}
    async for row in scans.stream(connection, scans.LIVE_EVIDENCE):
        evidence[evidence_of(row)] = row["source"]
        orgs |= {row["a"]: row["a_org"], row["b"]: row["b_org"]}
    left_out: set[int] = set()
    try:
        said = resolve_people(orgs, evidence)
    except Exception as failed:
        if not closed or not concerns_record(failed):
            raise
        left_out = _connected(closed, evidence)
        evidence = {e: source for e, source in evidence.items() if e.a not in left_out}
        said = resolve_people({ref: org for ref, org in orgs.items() if ref not in left_out}, evidence)
    together = [sorted(person) for person in said.people if len(person) > 1]
    found = RecomputedMembership({}, {}, waiting(said, evidence))
    for ref, pathway in (await membership_repository.open_memberships(connection, left_out)).items():
        found.pathway[ref] = pathway
        found.refs.setdefault(pathway, []).append(ref)
    for page in _paged(together):
        order = await scans.oldest_first(connection, [ref for members in page for ref in members])
        place = {row["id"]: n for n, row in enumerate(order)}
        for members in page:
            birth = order[min(place[ref] for ref in members)]["birth"]
            found.refs[birth] = members
            found.pathway.update(dict.fromkeys(members, birth))
    return found


def _connected(with_: Collection[int], evidence: Iterable[Evidence]) -> set[int]:
    """Whoever any evidence connects with these, through others too."""
    near: dict[int, set[int]] = {}
    for e in evidence:
        near.setdefault(e.a, set()).add(e.b)
        near.setdefault(e.b, set()).add(e.a)
    found, frontier = set(with_), list(with_)
    while frontier:
        new = near.get(frontier.pop(), set()) - found
        found |= new
        frontier += new
    return found


def _paged(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    page: list[list[int]] = []
    size = 0
    for members in groups:
        page.append(members)
        size += len(members)
        if size >= _PAGE:
            yield page
            page, size = [], 0
    if page:
        yield page
