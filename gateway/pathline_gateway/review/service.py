"""A reviewer decides whether two refs are one person, or takes it back: events in the log, like all evidence."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from pathline.interaction import Interaction, interaction
from pathline.vocabulary import IdentityDistinguished, IdentityLinked, IdentityRetracted, Payload
from pathline.vocabulary.shapes import EventRef
from pathline.vocabulary.shapes import Ref as Named
from pathline_gateway.access_log.request_row import add_refs, read_transaction
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.reserved_names import REVIEW_SOURCE
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import ReviewCase, Verdict, build_case, load_case_evidence
from pathline_gateway.review.decision_preview import build_decision
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.web.problem import Problem


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What became of a request to decide or to undo."""

    ids: list[str]
    """The events that say it, all of the source `rights.REVIEW`; none where it had been said before."""
    is_bound: bool
    """Whether membership follows it already."""


class ReviewService:
    """Decides and undoes, for a reviewer."""

    def __init__(self, pool: asyncpg.Pool, publisher: EvidencePublisher, *, unrestricted: bool = False) -> None:
        """`unrestricted`: what is concealed is shown and decided, too, because auth is off."""
        self._pool, self._publisher, self.unrestricted = pool, publisher, unrestricted

    async def get_case(self, item: UUID) -> ReviewCase:
        """All there is to know of this item. Raises Problem."""
        async with read_transaction(self._pool) as connection:
            case = await build_case(connection, item, datetime.now(UTC), unrestricted=self.unrestricted)
            if case is None:
                raise _item_not_found()
            await _log_accessed_refs(connection, *(side.ref for side in case.sides))
        return case

    async def decide(self, item: UUID, verdict: Verdict, reason: str | None) -> ReviewResult:
        """The two refs of this item are one person, or two, whatever other evidence says. Raises Problem.

        A decision that stands is not repeated; another one before it is outranked by this one.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            subject = await self._find_visible_subject(connection, item)
            decisions = await review_repository.load_decisions(connection, subject.ref_a, subject.ref_b)
            case_evidence = await load_case_evidence(connection, subject.ref_a, subject.ref_b)
            await _log_accessed_refs(connection, case_evidence.refs[subject.ref_a], case_evidence.refs[subject.ref_b])
        if decisions and decisions[0].same == (verdict == "same"):
            return ReviewResult([], True)
        asserted_at = build_decision(
            case_evidence.evidence, subject.ref_a, subject.ref_b, verdict == "same", datetime.now(UTC)
        ).asserted_at
        event = _decision_event(
            item, verdict, reason, case_evidence.refs[subject.ref_a], case_evidence.refs[subject.ref_b], asserted_at
        )
        return ReviewResult([event.id], await self._publisher.publish([event]))

    async def undo(self, item: UUID, reason: str | None) -> ReviewResult:
        """No decision stands about the two refs of this item; other evidence counts again. Raises Problem."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            subject = await self._find_visible_subject(connection, item)
            decisions = await review_repository.load_decisions(connection, subject.ref_a, subject.ref_b)
            case_evidence = await load_case_evidence(connection, subject.ref_a, subject.ref_b)
            await _log_accessed_refs(connection, case_evidence.refs[subject.ref_a], case_evidence.refs[subject.ref_b])
        if not decisions:
            raise Problem(409, "not-decided", "nothing is decided about this item: there is nothing to undo")
        events = [_retraction_event(each.id, reason, case_evidence.refs[subject.ref_a]) for each in decisions]
        return ReviewResult([event.id for event in events], await self._publisher.publish(events))

    async def _find_visible_subject(
        self, connection: asyncpg.Connection, item: UUID
    ) -> review_repository.ReviewSubject:
        """Raises Problem where there is none, or none that may be known."""
        subject = await review_repository.find_subject(connection, item)
        if subject is None or not (self.unrestricted or await _is_visible(connection, subject)):
            raise _item_not_found()
        return subject


def _decision_event(
    item: UUID, verdict: Verdict, reason: str | None, a: StoredRef, b: StoredRef, at: datetime
) -> Interaction[Payload]:
    both = (Named(org=a.org, subject=a.subject), Named(org=b.org, subject=b.subject))
    payload: Payload = (
        IdentityLinked(same=both, method="review", reason=reason)
        if verdict == "same"
        else IdentityDistinguished(different=both, method="review", reason=reason)
    )
    # Random at the end: what is decided, undone and decided again is three events.
    return interaction(
        payload, source=REVIEW_SOURCE, subject=a.subject, time=at, id=f"{item}.{verdict}.{_random_suffix()}"
    )


def _retraction_event(decision_id: str, reason: str | None, a: StoredRef) -> Interaction[Payload]:
    payload: Payload = IdentityRetracted(evidence=EventRef(source=REVIEW_SOURCE, id=decision_id), reason=reason)
    id = f"{decision_id}.undone.{_random_suffix()}"
    return interaction(payload, source=REVIEW_SOURCE, subject=a.subject, time=datetime.now(UTC), id=id)


async def _log_accessed_refs(connection: asyncpg.Connection, *refs: StoredRef) -> None:
    """The access log has whom it is about; the persons learn nothing where one of them is concealed."""
    register = await concealment_repository.load_concealment(connection, [(ref.org, ref.subject) for ref in refs])
    numbers = [ref.id for ref in refs]
    is_concealed = any(register.conceals_ref(ref.org, ref.subject) for ref in refs)
    add_refs(*(((), numbers) if is_concealed else (numbers, ())))


def _random_suffix() -> str:
    return secrets.token_hex(6)


async def _is_visible(connection: asyncpg.Connection, subject: review_repository.ReviewSubject) -> bool:
    refs = [
        (ref.org, ref.subject)
        for ref in await visibility_repository.load_refs(connection, (subject.ref_a, subject.ref_b))
    ]
    register = await concealment_repository.load_concealment(connection, refs)
    return not any(register.conceals_ref(*ref) for ref in refs)


def _item_not_found() -> Problem:
    return Problem(404, "no-such-item", "nothing waits under this id, and no decision names it")
