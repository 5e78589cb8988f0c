"""Which refs the evidence seen puts on which pathway: one pass over all evidence, with anchor ids from the store.

Held in memory: the refs that links name, not what stands under them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.evidence import Evidence
from pathline_gateway.identity.evidence_reader import evidence_from_row
from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.identity.membership_writer import review_rows
from pathline_gateway.identity.resolution import resolve_people
from pathline_gateway.integrity.verify import scans

_BATCH_SIZE = 5_000


@dataclass(frozen=True)
class RecomputedMembership:
    """Pathways of several refs; every other ref is a pathway of its own."""

    pathway_by_ref: dict[int, UUID]
    refs_by_pathway: dict[UUID, list[int]]
    review_rows: set[ReviewRow]
    """Evidence that a person has to look at."""

    def refs_of(self, ref: int, anchor_id: UUID) -> list[int]:
        """The refs of the pathway with this anchor id, or none when this ref is on another's."""
        return self.refs_by_pathway.get(anchor_id, []) if ref in self.pathway_by_ref else [ref]


async def recompute_membership(
    connection: asyncpg.Connection, closed_refs: Collection[int] = frozenset()
) -> RecomputedMembership:
    """The pathways of all refs that evidence names, at this transaction's snapshot.

    `closed_refs`: refs of which something is set aside. Where not all can be computed, everybody connected with one of
    them stays where she is.
    """
    evidence: dict[Evidence, int] = {}
    orgs: dict[int, str] = {}
    async for row in scans.stream(connection, scans.LIVE_EVIDENCE):
        evidence[evidence_from_row(row)] = row["source"]
        orgs |= {row["ref_a"]: row["a_org"], row["ref_b"]: row["b_org"]}
    excluded_refs: set[int] = set()
    try:
        resolution = resolve_people(orgs, evidence)
    except Exception as failed:
        if not closed_refs or not concerns_record(failed):
            raise
        excluded_refs = _connected_refs(closed_refs, evidence)
        evidence = {e: source for e, source in evidence.items() if e.a not in excluded_refs}
        resolution = resolve_people({ref: org for ref, org in orgs.items() if ref not in excluded_refs}, evidence)
    multi_ref_people = [sorted(person) for person in resolution.people if len(person) > 1]
    recomputed = RecomputedMembership({}, {}, review_rows(resolution, evidence))
    for ref, pathway in (await membership_repository.open_memberships(connection, excluded_refs)).items():
        recomputed.pathway_by_ref[ref] = pathway
        recomputed.refs_by_pathway.setdefault(pathway, []).append(ref)
    for page in _batches(multi_ref_people):
        order = await scans.oldest_first(connection, [ref for members in page for ref in members])
        rank_by_ref = {row["id"]: n for n, row in enumerate(order)}
        for members in page:
            anchor_id = order[min(rank_by_ref[ref] for ref in members)]["anchor_id"]
            recomputed.refs_by_pathway[anchor_id] = members
            recomputed.pathway_by_ref.update(dict.fromkeys(members, anchor_id))
    return recomputed


def _connected_refs(starts: Collection[int], evidence: Iterable[Evidence]) -> set[int]:
    """Whoever any evidence connects with these, through others too."""
    neighbours: dict[int, set[int]] = {}
    for e in evidence:
        neighbours.setdefault(e.a, set()).add(e.b)
        neighbours.setdefault(e.b, set()).add(e.a)
    visited, frontier = set(starts), list(starts)
    while frontier:
        new = neighbours.get(frontier.pop(), set()) - visited
        visited |= new
        frontier += new
    return visited


def _batches(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    page: list[list[int]] = []
    size = 0
    for members in groups:
        page.append(members)
        size += len(members)
        if size >= _BATCH_SIZE:
            yield page
            page, size = [], 0
    if page:
        yield page
