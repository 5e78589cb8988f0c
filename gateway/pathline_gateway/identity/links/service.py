"""A person links by tokens, and unlinks: each pair of tokens is spent once, whatever crashes in between."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline.interaction import Interaction, interaction
from pathline.vocabulary import IdentityLinked, IdentityRetracted, Payload
from pathline.vocabulary.shapes import EventRef, Ref
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.links import token_repository
from pathline_gateway.identity.links.token_repository import EVERYBODY, TokenLink
from pathline_gateway.identity.links.tokens import LinkRefusal, RepeatedLink, new_token, redeem, token_digest
from pathline_gateway.limits.table import Limits
from pathline_gateway.log_cause import because
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, CITIZEN_ORGANISATION
from pathline_gateway.telemetry.instruments import LINK_TOKENS
from pathline_gateway.web.problem import Problem

_log = logging.getLogger(__name__)

_RETRY_AFTER_S = 60
_HOLD_S = 120
"""How long one caller has to publish: longer than a broker may take to answer. After a crash, others wait so long."""


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How many redemptions may fail, in which time."""

    window_s: int = 900
    max_per_caller: int = 10
    max_total: int = 1_000


@dataclass(frozen=True, slots=True)
class TokenLinkService:
    """Issues tokens, links by them, and unlinks."""

    pool: asyncpg.Pool
    publisher: EvidencePublisher
    secret: bytes
    """Callers are counted under a hash keyed with it."""
    lifetime_s: int = 900
    attempt_limits: AttemptLimits = AttemptLimits()
    limits: Limits = field(default_factory=Limits)

    async def issue(self, org: str, subject: str) -> tuple[str, datetime]:
        """A token for this subject, and until when it is good. It is kept nowhere: who loses it asks for another."""
        token = new_token()
        async with self.pool.acquire() as connection:
            max_tokens = self.limits.link_tokens
            # All people's accounts are one organisation: each has a token for herself.
            if (
                org != CITIZEN_ORGANISATION
                and await token_repository.count_open(connection, org, max_tokens) >= max_tokens
            ):
                raise self.limits.named_limit("link_tokens").refusal(_RETRY_AFTER_S)
            expires_at = await token_repository.insert_token(
                connection, token_digest(token), org, subject, self.lifetime_s
            )
        LINK_TOKENS.add(1, {"pathline.outcome": "issued"})
        return token, expires_at

    async def link(self, tokens: Sequence[str], account: str | None, caller: str) -> TokenLink:
        """The two that the tokens were issued for are one person. Raises Problem, the same for every bad token.

        When it ends otherwise than with a refusal, the same tokens may be shown again: they lead to the same link.
        """
        window_start = await self._count_attempt(caller)
        id = await self._reserve_tokens(tokens, account)
        async with self.pool.acquire() as connection:
            await token_repository.uncount_attempt(connection, self._caller_digest(caller), window_start)
        await self._publish_link(id)
        LINK_TOKENS.add(1, {"pathline.outcome": "linked"})
        return await self.get_link(id)

    async def unlink(self, id: UUID) -> tuple[str, bool]:
        """The link is retracted; the id of the event that says so, and whether it is in force. Raises Problem."""
        link = await self.get_link(id)
        async with self.pool.acquire() as connection:
            retracted_at = await token_repository.mark_retracted(connection, id)
        if retracted_at is None:
            raise link_not_found()
        event = _retraction_event(link, retracted_at)
        return event.id, await self.publisher.publish([event])

    async def get_link(self, id: UUID) -> TokenLink:
        """A link that was made by tokens. Raises Problem."""
        async with self.pool.acquire() as connection:
            link = await token_repository.find_link(connection, id)
        if link is None:
            raise link_not_found()
        return link

    async def _count_attempt(self, caller: str) -> datetime:
        """The attempt is counted, whatever becomes of it. Raises Problem where there were too many."""
        limits = self.attempt_limits
        async with self.pool.acquire() as connection, connection.transaction():
            window_start = await token_repository.count_attempt(
                connection, self._caller_digest(caller), limits.window_s, limits.max_per_caller
            )
            if window_start is None:
                raise _too_many_attempts("caller", limits.window_s)
            if await token_repository.count_attempt(connection, EVERYBODY, limits.window_s, limits.max_total) is None:
                raise _too_many_attempts("everybody", limits.window_s)
        return window_start

    async def _reserve_tokens(self, tokens: Sequence[str], account: str | None) -> UUID:
        """The tokens are spent on one link, and nobody else publishes it now."""
        digests = {token_digest(token) for token in tokens}
        async with self.pool.acquire() as connection, connection.transaction():
            issued_tokens = await token_repository.lock_issued(connection, digests)
            pending = await token_repository.find_pending(
                connection, {token.link for token in issued_tokens if token.link is not None}
            )
            redemption = redeem(issued_tokens, len(tokens), account, pending)
            if isinstance(redemption, RepeatedLink):
                await token_repository.extend_hold(connection, redemption.link, _HOLD_S)
                return redemption.link
            if not isinstance(redemption, LinkRefusal):
                return await token_repository.insert_link(connection, digests, redemption, account, _HOLD_S)
        _log.info("link tokens refused: %s", redemption.reason, extra=because(redemption.reason))
        LINK_TOKENS.add(1, {"pathline.outcome": "refused"})
        raise Problem(404, "no-such-token", _NO_LINK_DETAIL)

    async def _publish_link(self, id: UUID) -> None:
        """The broker has the link, once, however often this is tried: the event is the same each time."""
        link = await self.get_link(id)
        try:
            await self.publisher.publish([_link_event(link)])
        except Problem:
            async with self.pool.acquire() as connection:
                await token_repository.release_hold(connection, id)
            raise
        async with self.pool.acquire() as connection:
            await token_repository.mark_published(connection, id)

    def _caller_digest(self, caller: str) -> bytes:
        return hmac.digest(self.secret, b"redemption\0" + caller.encode(), hashlib.sha256)[:16]


_NO_LINK_DETAIL = "no link was made: a token is unknown, expired or used, or both are of one record; ask for new ones"


def _link_event(link: TokenLink) -> Interaction[Payload]:
    payload = IdentityLinked(
        same=(Ref(org=link.a_org, subject=link.a_subject), Ref(org=link.b_org, subject=link.b_subject)),
        method="citizen-token",
    )
    return _build_event(payload, link, link.event_id, link.created_at)


def _retraction_event(link: TokenLink, retracted_at: datetime) -> Interaction[Payload]:
    payload = IdentityRetracted(evidence=EventRef(source=ACCOUNT_SOURCE, id=link.event_id))
    return _build_event(payload, link, f"retracted-{link.id}", retracted_at)


def _build_event(payload: Payload, link: TokenLink, id: str, time: datetime) -> Interaction[Payload]:
    return interaction(payload, source=ACCOUNT_SOURCE, subject=link.a_subject, time=time, id=id)


def link_not_found() -> Problem:
    """The same for a link that is not there, and for somebody else's."""
    return Problem(404, "no-such-link", "there is no link of yours under this id")


def _too_many_attempts(who: str, window_s: int) -> Problem:
    _log.warning("link tokens: too many attempts of %s", who, extra=because("too-many-attempts"))
    LINK_TOKENS.add(1, {"pathline.outcome": "limited"})
    return Problem(
        429, "too-many-attempts", "too many redemptions failed: wait a while", headers={"retry-after": str(window_s)}
    )
