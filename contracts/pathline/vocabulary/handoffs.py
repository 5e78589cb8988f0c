"""Hand-offs: how one service passes a person on to another without losing her."""

from typing import Literal

from pathline.vocabulary.codes import NeedCode, Priority
from pathline.vocabulary.identifiers import HandoffId, Token, TokenHash
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import Due, Party

Reason = Literal[
    "capacity", "ineligible", "out-of-area", "wrong-service", "unsafe", "cannot-contact",
    "person-declined", "insufficient-information", "duplicate", "other",
]  # fmt: skip


class _Handoff(Payload, noun="handoff"):
    """Something is known of a hand-off."""

    handoff: HandoffId
    """The hand-off's id, made by the offering organisation and unique everywhere."""
    need: NeedCode | None = None
    """The need that is handed over."""
    priority: Priority | None = None
    """How soon the receiver should act."""
    reason: Reason | None = None
    """Why."""


class HandoffOffered(_Handoff, verb="offered"):
    """A service asks another to take a person on."""

    to: Party
    """Who is asked."""
    token_sha256: TokenHash | None = None
    """The hash of the single-use token; required unless `to` is not on Pathline."""
    due: Due | None = None
    """By when an answer is expected."""
    context_released: bool
    """Whether the receiver may see what led here."""


class HandoffSeen(_Handoff, verb="seen"):
    """The receiver has noticed the hand-off."""


class HandoffAccepted(_Handoff, verb="accepted"):
    """The receiver takes the person on, under its own pseudonym of her."""

    token: Token
    """The secret itself: whoever shows it redeems it."""
    due: Due | None = None
    """By when the receiver will act, in place of the time that was asked for."""
    context_released: bool | None = None
    """Whether the receiver may see what led here."""


class HandoffDeclined(_Handoff, verb="declined"):
    """The receiver does not take the person on."""

    token: Token | None = None
    """The secret itself: whoever shows it redeems it."""
    reason: Reason
    """Why the receiver declines."""


class HandoffRedirected(_Handoff, verb="redirected"):
    """Another receiver is asked instead; the old token and the old receiver's part have ended."""

    to: Party
    """Who is asked now."""
    token_sha256: TokenHash | None = None
    """The hash of the new single-use token; required unless `to` is not on Pathline."""
    due: Due | None = None
    """By when an answer is expected now."""
    context_released: bool | None = None
    """Whether the new receiver may see what led here."""


class HandoffStarted(_Handoff, verb="started"):
    """The receiver works on the hand-off."""


class HandoffPaused(_Handoff, verb="paused"):
    """The receiver's work rests."""


class HandoffResumed(_Handoff, verb="resumed"):
    """The receiver's work goes on."""


class HandoffCompleted(_Handoff, verb="completed"):
    """The receiver has done its part."""

    outcome: Literal["met", "partly-met", "not-met"] | None = None
    """What became of the need."""


class HandoffFailed(_Handoff, verb="failed"):
    """The receiver could not do its part."""


class HandoffCancelled(_Handoff, verb="cancelled"):
    """The hand-off has been taken back."""


class HandoffExpired(_Handoff, verb="expired"):
    """The hand-off was not answered and is no longer offered."""
