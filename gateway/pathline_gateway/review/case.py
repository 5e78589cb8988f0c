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
from pathline_gateway.identity.evidence import Evidence
from pathline_gateway.identity.evidence_reader import StoredEvidenceReader
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.decision_preview import DecisionEffect, build_decision, preview_decision
from pathline_gateway.review.repository import Decision, EvidenceOnRef, ReviewSubject, Weight
from pathline_gateway.visibility.loading import load_visible

Verdict = Literal["same", "different"]
"""What a reviewer can decide of two refs: one person, or two."""

VERDICTS: tuple[Verdict, ...] = ("same", "different")

_MAX_SHOWN = 100
"""Evidence of one side, and refs of one pathway, that are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class CasePathway:
    """A person, as some evidence says she is."""

    id: UUID
    refs: list[StoredRef]
    """Oldest first; of many the oldest."""
    size: int


@dataclass(frozen=True, slots=True)
class DecisionPreview:
    """The pathways that a decision would change, as they are and as they would be; those of both sides in any case."""

    before: list[CasePathway]
    after: list[CasePathway]
    is_binding: bool
    """Whether it would be in force; else another decision stands against it."""

    @property
    def changes_pathways(self) -> bool:
        """Whether anybody's pathway would be another."""
        return {frozenset(r.id for r in p.refs) for p in self.before} != {
            frozenset(r.id for r in p.refs) for p in self.after
        }


@dataclass(frozen=True, slots=True)
class CaseSide:
    """One of the two refs, and what stands there."""

    ref: StoredRef
    pathway: UUID
    weight: Weight
    evidence: list[EvidenceOnRef]
    """Live evidence about this ref and others than the other side."""
    hidden_count: int
    """How much of that is not shown."""


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """An item, its evidence on both sides, and what would merge or split."""

    item: UUID
    subject: ReviewSubject
    shared_evidence: list[EvidenceOnRef]
    """Live evidence about both refs, in canonical order, decisions first."""
    sides: tuple[CaseSide, CaseSide]
    previews: Mapping[Verdict, DecisionPreview]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Everybody whom any evidence connects with two refs, and that evidence, as the membership writer has seen it."""

    refs: Mapping[int, StoredRef]
    evidence: list[Evidence]

    def preview_decision(self, a: int, b: int, verdict: Verdict, now: datetime) -> DecisionEffect:
        """What such a decision would change."""
        orgs = {number: ref.org for number, ref in self.refs.items()}
        return preview_decision(orgs, self.evidence, build_decision(self.evidence, a, b, verdict == "same", now))


async def load_case_evidence(connection: asyncpg.Connection, a: int, b: int) -> CaseEvidence:
    """The neighbourhood of these two refs."""
    reader = StoredEvidenceReader(connection)
    connected_refs = await reader.connected_refs((a, b))
    refs = await reader.load_refs(connected_refs)
    return CaseEvidence(refs, [e for e in await reader.load_evidence(connected_refs) if e.a in refs and e.b in refs])


async def build_case(
    connection: asyncpg.Connection, item: UUID, now: datetime, *, unrestricted: bool = False
) -> ReviewCase | None:
    """The dossier of this item; None where there is none. Call in one repeatable-read transaction.

    Without `unrestricted`, what is concealed has no part in it, and an item about it is none.
    """
    subject = await review_repository.find_subject(connection, item)
    if subject is None:
        return None
    case_evidence = await load_case_evidence(connection, subject.ref_a, subject.ref_b)
    case_evidence = case_evidence if unrestricted else await _without_concealed(connection, case_evidence)
    if not {subject.ref_a, subject.ref_b} <= case_evidence.refs.keys():
        return None
    previews = await asyncio.to_thread(
        _build_previews, case_evidence, subject, now
    )  # a hub may have very many neighbours
    decisions = await review_repository.load_decisions(connection, subject.ref_a, subject.ref_b)
    sides = (
        await _build_side(connection, case_evidence, subject.ref_a, subject.ref_b, now, unrestricted=unrestricted),
        await _build_side(connection, case_evidence, subject.ref_b, subject.ref_a, now, unrestricted=unrestricted),
    )
    evidence, _ = await review_repository.load_evidence(
        connection, subject.ref_a, subject.ref_b, _MAX_SHOWN, unrestricted=unrestricted
    )
    shared_evidence = [each for each in evidence if {each.ref_a, each.ref_b} == {subject.ref_a, subject.ref_b}]
    return ReviewCase(item, subject, shared_evidence, sides, previews, decisions[0] if decisions else None)


async def _without_concealed(connection: asyncpg.Connection, case_evidence: CaseEvidence) -> CaseEvidence:
    """The same without the refs that nobody else may know of, and without what concealed organisations say."""
    ref_keys = [(ref.org, ref.subject) for ref in case_evidence.refs.values()]
    register = await concealment_repository.load_concealment(connection, ref_keys)
    refs = {
        number: ref for number, ref in case_evidence.refs.items() if not register.conceals_ref(ref.org, ref.subject)
    }
    evidence = [
        each
        for each in case_evidence.evidence
        if each.a in refs and each.b in refs and not register.conceals_party(organisation_of(each.source), None)
    ]
    return CaseEvidence(refs, evidence)


async def _build_side(
    connection: asyncpg.Connection,
    case_evidence: CaseEvidence,
    ref: int,
    other: int,
    now: datetime,
    *,
    unrestricted: bool,
) -> CaseSide:
    evidence, total = await review_repository.load_evidence(
        connection, ref, other, _MAX_SHOWN, unrestricted=unrestricted
    )
    foreign_evidence = [each for each in evidence if {each.ref_a, each.ref_b} != {ref, other}]
    pathway_by_ref = await membership_repository.open_memberships(connection, [ref])
    pathway = pathway_by_ref.get(ref, case_evidence.refs[ref].anchor_id)
    if unrestricted:
        return CaseSide(
            case_evidence.refs[ref],
            pathway,
            await review_repository.load_weight(connection, ref),
            foreign_evidence,
            total - len(evidence),
        )
    visible = await load_visible(connection, Reader("operator", frozenset((Role.OPERATOR,))), now, pathway)
    if visible is None:
        return CaseSide(
            case_evidence.refs[ref],
            case_evidence.refs[ref].anchor_id,
            Weight(1, 0, 0),
            foreign_evidence,
            total - len(evidence),
        )
    orgs = {each.parsed.step.org for each in visible.steps}
    visible_refs = {each.id for each in visible.anchors} | {ref}
    weight = Weight(len(visible_refs), len(visible.steps), len(orgs))
    return CaseSide(
        case_evidence.refs[ref], visible.anchors[0].anchor_id, weight, foreign_evidence, total - len(evidence)
    )


def _build_previews(
    case_evidence: CaseEvidence, subject: ReviewSubject, now: datetime
) -> dict[Verdict, DecisionPreview]:
    return {
        verdict: _build_preview(
            case_evidence, case_evidence.preview_decision(subject.ref_a, subject.ref_b, verdict, now)
        )
        for verdict in VERDICTS
    }


def _build_preview(case_evidence: CaseEvidence, effect: DecisionEffect) -> DecisionPreview:
    return DecisionPreview(
        _build_pathways(case_evidence.refs, effect.before),
        _build_pathways(case_evidence.refs, effect.after),
        effect.is_binding,
    )


def _build_pathways(refs: Mapping[int, StoredRef], people: Iterable[frozenset[int]]) -> list[CasePathway]:
    """Largest first."""
    sorted_people = [sorted((refs[ref] for ref in person), key=lambda ref: ref.age_key) for person in people]
    return [
        CasePathway(members[0].anchor_id, members[:_MAX_SHOWN], len(members))
        for members in sorted(sorted_people, key=lambda members: (-len(members), members[0].age_key))
    ]
