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
from pathline_gateway.identity.evidence_publisher import OwnEvidence
from pathline_gateway.identity.links import token_repository
from pathline_gateway.identity.links.token_repository import EVERYBODY, TokenLink
from pathline_gateway.identity.links.tokens import LinkRefusal, RepeatedLink, digest, new_token, redeemed
from pathline_gateway.limits.table import Limits
from pathline_gateway.reserved_names import ACCOUNT, CITIZENS
from pathline_gateway.telemetry.instruments import LINK_TOKENS
from pathline_gateway.web.problem import Problem

_log = logging.getLogger(__name__)

_LATER_S = 60
_HOLD_S = 120
"""How long one caller has to publish: longer than a broker may take to answer. After a crash, others wait so long."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many redemptions may fail, in which time."""

    window_s: int = 900
    caller: int = 10
    everybody: int = 1_000


@dataclass(frozen=True, slots=True)
class Linking:
    """Issues tokens, links by them, and unlinks."""

    pool: asyncpg.Pool
    own: OwnEvidence
    secret: bytes
    """Callers are counted under a hash keyed with it."""
    lifetime_s: int = 900
    allowed: Allowed = Allowed()
    limits: Limits = field(default_factory=Limits)

    async def issue(self, org: str, subject: str) -> tuple[str, datetime]:
        """A token for this subject, and until when it is good. It is kept nowhere: who loses it asks for another."""
        token = new_token()
        async with self.pool.acquire() as connection:
            most = self.limits.link_tokens
            # All people's accounts are one organisation: each has a token for herself.
            if org != CITIZENS and await token_repository.open_of(connection, org, most) >= most:
                raise self.limits.named("link_tokens").refusal(_LATER_S)
            expires = await token_repository.issue(connection, digest(token), org, subject, self.lifetime_s)
        LINK_TOKENS.add(1, {"pathline.outcome": "issued"})
        return token, expires

    async def link(self, tokens: Sequence[str], account: str | None, caller: str) -> TokenLink:
        """The two that the tokens were issued for are one person. Raises Problem, the same for every bad token.

        When it ends otherwise than with a refusal, the same tokens may be shown again: they lead to the same link.
        """
        since = await self._counted(caller)
        id = await self._reserved(tokens, account)
        async with self.pool.acquire() as connection:
            await token_repository.give_back(connection, self._key(caller), since)
        await self._published(id)
        LINK_TOKENS.add(1, {"pathline.outcome": "linked"})
        return await self.read(id)

    async def unlink(self, id: UUID) -> tuple[str, bool]:
        """The link is retracted; the id of the event that says so, and whether it is in force. Raises Problem."""
        made = await self.read(id)
        async with self.pool.acquire() as connection:
            since = await token_repository.retract(connection, id)
        if since is None:
            raise no_such_link()
        event = _retraction(made, since)
        return event.id, await self.own.publish([event])

    async def read(self, id: UUID) -> TokenLink:
        """A link that was made by tokens. Raises Problem."""
        async with self.pool.acquire() as connection:
            found = await token_repository.read(connection, id)
        if found is None:
            raise no_such_link()
        return found

    async def _counted(self, caller: str) -> datetime:
        """The attempt is counted, whatever becomes of it. Raises Problem where there were too many."""
        allowed = self.allowed
        async with self.pool.acquire() as connection, connection.transaction():
            mine = await token_repository.attempt(connection, self._key(caller), allowed.window_s, allowed.caller)
            if mine is None:
                raise _too_many("caller", allowed.window_s)
            if await token_repository.attempt(connection, EVERYBODY, allowed.window_s, allowed.everybody) is None:
                raise _too_many("everybody", allowed.window_s)
        return mine

    async def _reserved(self, tokens: Sequence[str], account: str | None) -> UUID:
        """The tokens are spent on one link, and nobody else publishes it now."""
        digests = {digest(token) for token in tokens}
        async with self.pool.acquire() as connection, connection.transaction():
            shown = await token_repository.shown(connection, digests)
            held = await token_repository.held(connection, {token.link for token in shown if token.link is not None})
            found = redeemed(shown, len(tokens), account, held)
            if isinstance(found, RepeatedLink):
                await token_repository.hold(connection, found.link, _HOLD_S)
                return found.link
            if not isinstance(found, LinkRefusal):
                return await token_repository.reserve(connection, digests, found, account, _HOLD_S)
        _log.info("link tokens refused: %s", found.reason)
        LINK_TOKENS.add(1, {"pathline.outcome": "refused"})
        raise Problem(404, "no-such-token", _BAD)

    async def _published(self, id: UUID) -> None:
        """The broker has the link, once, however often this is tried: the event is the same each time."""
        made = await self.read(id)
        try:
            await self.own.publish([_link(made)])
        except Problem:
            async with self.pool.acquire() as connection:
                await token_repository.release(connection, id)
            raise
        async with self.pool.acquire() as connection:
            await token_repository.published(connection, id)

    def _key(self, caller: str) -> bytes:
        return hmac.digest(self.secret, b"redemption\0" + caller.encode(), hashlib.sha256)[:16]


_BAD = "no link was made: a token is unknown, expired or used, or both are of one record; ask for new ones"


def _link(made: TokenLink) -> Interaction[Payload]:
    payload = IdentityLinked(
        same=(Ref(org=made.a_org, subject=made.a_subject), Ref(org=made.b_org, subject=made.b_subject)),
        method="citizen-token",
    )
    return _event(payload, made, made.event, made.made_at)


def _retraction(made: TokenLink, since: datetime) -> Interaction[Payload]:
    payload = IdentityRetracted(evidence=EventRef(source=ACCOUNT, id=made.event))
    return _event(payload, made, f"retracted-{made.id}", since)


def _event(payload: Payload, made: TokenLink, id: str, at: datetime) -> Interaction[Payload]:
    return interaction(payload, source=ACCOUNT, subject=made.a_subject, time=at, id=id)


def no_such_link() -> Problem:
    """Said of what is not there, and of what is somebody else's."""
    return Problem(404, "no-such-link", "there is no link of yours under this id")


def _too_many(who: str, window_s: int) -> Problem:
    _log.warning("link tokens: too many attempts of %s", who)
    LINK_TOKENS.add(1, {"pathline.outcome": "limited"})
    return Problem(
        429, "too-many-attempts", "too many redemptions failed: wait a while", headers={"retry-after": str(window_s)}
    )
