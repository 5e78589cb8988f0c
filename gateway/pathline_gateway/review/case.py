"""All that a reviewer needs to decide whether two refs are one person; read at one moment, never a payload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from pathline.interaction import organisation_of
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.connected_component import StoredComponent
from pathline_gateway.identity.evidence import Evidence
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.decision_preview import WhatIf, decision, what_if
from pathline_gateway.review.repository import Decision, EvidenceOnRef, ReviewSubject, Weight
from pathline_gateway.visibility.loading import seen_of

Verdict = Literal["same", "different"]
"""What a reviewer can decide of two refs: one person, or two."""

VERDICTS: tuple[Verdict, ...] = ("same", "different")

_SHOWN = 100
"""Evidence of one side, and refs of one pathway, that are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class CasePathway:
    """A person, as some evidence says she is."""

    id: UUID
    refs: list[Ref]
    """Oldest first; of many the oldest."""
    size: int


@dataclass(frozen=True, slots=True)
class DecisionPreview:
    """The pathways that a decision would change, as they are and as they would be; those of both sides in any case."""

    before: list[CasePathway]
    after: list[CasePathway]
    binds: bool
    """Whether it would be in force; else another decision stands against it."""

    @property
    def changes(self) -> bool:
        """Whether anybody's pathway would be another."""
        return {frozenset(r.id for r in p.refs) for p in self.before} != {
            frozenset(r.id for r in p.refs) for p in self.after
        }


@dataclass(frozen=True, slots=True)
class CaseSide:
    """One of the two refs, and what stands there."""

    ref: Ref
    pathway: UUID
    weight: Weight
    said: list[EvidenceOnRef]
    """Live evidence about this ref and others than the other side."""
    more: int
    """How much of that is not shown."""


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """An item, its evidence on both sides, and what would merge or split."""

    item: UUID
    named: ReviewSubject
    between: list[EvidenceOnRef]
    """Live evidence about both refs, in canonical order, decisions first."""
    sides: tuple[CaseSide, CaseSide]
    outcomes: Mapping[Verdict, DecisionPreview]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Everybody whom any evidence connects with two refs, and that evidence, as the membership writer has seen it."""

    refs: Mapping[int, Ref]
    evidence: list[Evidence]

    def if_decided(self, a: int, b: int, verdict: Verdict, now: datetime) -> WhatIf:
        """What such a decision would change."""
        orgs = {number: ref.org for number, ref in self.refs.items()}
        return what_if(orgs, self.evidence, decision(self.evidence, a, b, verdict == "same", now))


async def neighbourhood(connection: asyncpg.Connection, a: int, b: int) -> CaseEvidence:
    """The neighbourhood of these two refs."""
    near = StoredComponent(connection)
    reach = await near.reach((a, b))
    refs = await near.refs(reach)
    return CaseEvidence(refs, [e for e in await near.evidence(reach) if e.a in refs and e.b in refs])


async def dossier(
    connection: asyncpg.Connection, item: UUID, now: datetime, *, everything: bool = False
) -> ReviewCase | None:
    """The dossier of this item; None where there is none. Call in one repeatable-read transaction.

    Without `everything`, what is concealed has no part in it, and an item about it is none.
    """
    named = await review_repository.named(connection, item)
    if named is None:
        return None
    near = await neighbourhood(connection, named.a, named.b)
    near = near if everything else await _shown_part(connection, near)
    if not {named.a, named.b} <= near.refs.keys():
        return None
    outcomes = await asyncio.to_thread(_outcomes, near, named, now)  # a hub may have very many neighbours
    decisions = await review_repository.decisions(connection, named.a, named.b)
    sides = (
        await _side(connection, near, named.a, named.b, now, everything=everything),
        await _side(connection, near, named.b, named.a, now, everything=everything),
    )
    said, _ = await review_repository.said_of(connection, named.a, named.b, _SHOWN, everything=everything)
    between = [each for each in said if {each.a, each.b} == {named.a, named.b}]
    return ReviewCase(item, named, between, sides, outcomes, decisions[0] if decisions else None)


async def _shown_part(connection: asyncpg.Connection, near: CaseEvidence) -> CaseEvidence:
    """The same without the refs that nobody else may know of, and without what concealed organisations say."""
    named = [(ref.org, ref.subject) for ref in near.refs.values()]
    register = await concealment_repository.concealment(connection, named)
    refs = {number: ref for number, ref in near.refs.items() if not register.ref(ref.org, ref.subject)}
    evidence = [
        each
        for each in near.evidence
        if each.a in refs and each.b in refs and not register.party(organisation_of(each.source), None)
    ]
    return CaseEvidence(refs, evidence)


async def _side(
    connection: asyncpg.Connection, near: CaseEvidence, ref: int, other: int, now: datetime, *, everything: bool
) -> CaseSide:
    said, total = await review_repository.said_of(connection, ref, other, _SHOWN, everything=everything)
    others = [each for each in said if {each.a, each.b} != {ref, other}]
    joined = await membership_repository.open_memberships(connection, [ref])
    pathway = joined.get(ref, near.refs[ref].birth)
    if everything:
        return CaseSide(
            near.refs[ref], pathway, await review_repository.weight(connection, ref), others, total - len(said)
        )
    seen = await seen_of(connection, Reader("operator", frozenset((Role.OPERATOR,))), now, pathway)
    if seen is None:
        return CaseSide(near.refs[ref], near.refs[ref].birth, Weight(1, 0, 0), others, total - len(said))
    orgs = {each.told.step.org for each in seen.steps}
    known = {each.id for each in seen.anchors} | {ref}
    weight = Weight(len(known), len(seen.steps), len(orgs))
    return CaseSide(near.refs[ref], seen.anchors[0].birth, weight, others, total - len(said))


def _outcomes(near: CaseEvidence, named: ReviewSubject, now: datetime) -> dict[Verdict, DecisionPreview]:
    return {verdict: _outcome(near, near.if_decided(named.a, named.b, verdict, now)) for verdict in VERDICTS}


def _outcome(near: CaseEvidence, found: WhatIf) -> DecisionPreview:
    return DecisionPreview(_pathways(near.refs, found.before), _pathways(near.refs, found.after), found.binds)


def _pathways(refs: Mapping[int, Ref], people: Iterable[frozenset[int]]) -> list[CasePathway]:
    """Largest first."""
    found = [sorted((refs[ref] for ref in person), key=lambda ref: ref.age) for person in people]
    return [
        CasePathway(members[0].birth, members[:_SHOWN], len(members))
        for members in sorted(found, key=lambda members: (-len(members), members[0].age))
    ]
