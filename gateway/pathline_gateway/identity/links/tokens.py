"""What tokens that a person shows come to: a link, the same link again after a crash, or a refusal. Pure."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

Subject = tuple[str, str]
"""Organisation and subject."""

_TOKEN_BYTES = 24
"""192 bits: nobody guesses one."""


def new_token() -> str:
    """A token that nobody has had before; url-safe, 32 characters."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_digest(token: str) -> bytes:
    """What is kept of a token, and what it is looked up by: how long that takes says nothing of the token."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was issued."""

    subject: Subject
    is_valid: bool
    """Not expired."""
    link: UUID | None
    """What it was spent on."""


@dataclass(frozen=True, slots=True)
class PendingLink:
    """A link in the database that, as far as is known, is not published yet."""

    link: UUID
    pair: frozenset[Subject]
    account: str | None
    is_unclaimed: bool
    """Nobody is publishing it any more."""


@dataclass(frozen=True, slots=True)
class AssertedLink:
    """These two are one person."""

    pair: tuple[Subject, Subject]


@dataclass(frozen=True, slots=True)
class RepeatedLink:
    """This link was begun with the same tokens by the same caller, and not ended."""

    link: UUID


@dataclass(frozen=True, slots=True)
class LinkRefusal:
    """Nothing happens. The reason is for the log alone: to a caller all refusals are one."""

    reason: str


def redeem(
    issued: Sequence[IssuedToken], token_count: int, account: str | None, pending: PendingLink | None
) -> AssertedLink | RepeatedLink | LinkRefusal:
    """What `token_count` tokens come to of which these are known; one token is completed by the caller's account."""
    if len(issued) < token_count:
        return LinkRefusal("unknown")
    if not all(token.is_valid for token in issued):
        return LinkRefusal("expired")
    subjects = [token.subject for token in issued]
    if token_count == 1 and account is not None:
        subjects.append((CITIZEN_ORGANISATION, account))
    if len(subjects) != 2 or subjects[0] == subjects[1]:
        return LinkRefusal("one-record")
    if all(token.link is None for token in issued):
        return AssertedLink((subjects[0], subjects[1]))
    if pending is None or any(token.link != pending.link for token in issued):
        return LinkRefusal("used")
    is_retry = pending.is_unclaimed and pending.pair == frozenset(subjects) and pending.account == account
    return RepeatedLink(pending.link) if is_retry else LinkRefusal("used")
