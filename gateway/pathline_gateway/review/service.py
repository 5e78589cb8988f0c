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
from pathline_gateway.access_log.request_row import reading, tells_of
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.identity.evidence_publisher import OwnEvidence
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.reserved_names import REVIEW
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import ReviewCase, Verdict, dossier, neighbourhood
from pathline_gateway.review.decision_preview import decision
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.web.problem import Problem


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What became of a request to decide or to undo."""

    ids: list[str]
    """The events that say it, all of the source `rights.REVIEW`; none where it had been said before."""
    bound: bool
    """Whether membership follows it already."""


class ReviewService:
    """Decides and undoes, for a reviewer."""

    def __init__(self, pool: asyncpg.Pool, own: OwnEvidence, *, everything: bool = False) -> None:
        """`everything`: what is concealed is shown and decided, too, because auth is off."""
        self._pool, self._own, self.everything = pool, own, everything

    async def look(self, item: UUID) -> ReviewCase:
        """All there is to know of this item. Raises Problem."""
        async with reading(self._pool) as connection:
            found = await dossier(connection, item, datetime.now(UTC), everything=self.everything)
            if found is None:
                raise _no_such_item()
            await _tells_of(connection, *(side.ref for side in found.sides))
        return found

    async def decide(self, item: UUID, verdict: Verdict, reason: str | None) -> ReviewResult:
        """The two refs of this item are one person, or two, whatever else is said of them. Raises Problem.

        A decision that stands is not repeated; another one before it is outranked by this one.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            named = await self._named(connection, item)
            standing = await review_repository.decisions(connection, named.a, named.b)
            near = await neighbourhood(connection, named.a, named.b)
            await _tells_of(connection, near.refs[named.a], near.refs[named.b])
        if standing and standing[0].same == (verdict == "same"):
            return ReviewResult([], True)
        at = decision(near.evidence, named.a, named.b, verdict == "same", datetime.now(UTC)).asserted_at
        event = _decision(item, verdict, reason, near.refs[named.a], near.refs[named.b], at)
        return ReviewResult([event.id], await self._own.publish([event]))

    async def undo(self, item: UUID, reason: str | None) -> ReviewResult:
        """No decision stands about the two refs of this item; other evidence counts again. Raises Problem."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            named = await self._named(connection, item)
            standing = await review_repository.decisions(connection, named.a, named.b)
            near = await neighbourhood(connection, named.a, named.b)
            await _tells_of(connection, near.refs[named.a], near.refs[named.b])
        if not standing:
            raise Problem(409, "not-decided", "nothing is decided about this item: there is nothing to undo")
        events = [_retraction(each.id, reason, near.refs[named.a]) for each in standing]
        return ReviewResult([event.id for event in events], await self._own.publish(events))

    async def _named(self, connection: asyncpg.Connection, item: UUID) -> review_repository.ReviewSubject:
        """Raises Problem where there is none, or none that may be known."""
        found = await review_repository.named(connection, item)
        if found is None or not (self.everything or await _may_be_known(connection, found)):
            raise _no_such_item()
        return found


def _decision(item: UUID, verdict: Verdict, reason: str | None, a: Ref, b: Ref, at: datetime) -> Interaction[Payload]:
    both = (Named(org=a.org, subject=a.subject), Named(org=b.org, subject=b.subject))
    payload: Payload = (
        IdentityLinked(same=both, method="review", reason=reason)
        if verdict == "same"
        else IdentityDistinguished(different=both, method="review", reason=reason)
    )
    # Random at the end: what is decided, undone and decided again is three events.
    return interaction(payload, source=REVIEW, subject=a.subject, time=at, id=f"{item}.{verdict}.{_random()}")


def _retraction(decided: str, reason: str | None, a: Ref) -> Interaction[Payload]:
    payload: Payload = IdentityRetracted(evidence=EventRef(source=REVIEW, id=decided), reason=reason)
    id = f"{decided}.undone.{_random()}"
    return interaction(payload, source=REVIEW, subject=a.subject, time=datetime.now(UTC), id=id)


async def _tells_of(connection: asyncpg.Connection, *refs: Ref) -> None:
    """The access log has whom it is about; nobody is told where one of them must not be known."""
    register = await concealment_repository.concealment(connection, [(ref.org, ref.subject) for ref in refs])
    numbers = [ref.id for ref in refs]
    quiet = any(register.ref(ref.org, ref.subject) for ref in refs)
    tells_of(*(((), numbers) if quiet else (numbers, ())))


def _random() -> str:
    return secrets.token_hex(6)


async def _may_be_known(connection: asyncpg.Connection, named: review_repository.ReviewSubject) -> bool:
    refs = [(ref.org, ref.subject) for ref in (await visibility_repository.refs(connection, (named.a, named.b))).refs]
    register = await concealment_repository.concealment(connection, refs)
    return not any(register.ref(*ref) for ref in refs)


def _no_such_item() -> Problem:
    return Problem(404, "no-such-item", "nothing waits under this id, and no decision names it")
