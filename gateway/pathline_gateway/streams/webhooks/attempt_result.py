"""The result of one attempt to deliver to a sink, and what follows from it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final, NamedTuple

NO_ANSWER: Final = ("unreachable", "timed-out", "address-refused", "bad-answer")
"""Why there is no status."""
_ADDRESS_REFUSED: Final = "address-refused"
_RETRYABLE: Final = frozenset((408, 409, 425))
_BUSY: Final = frozenset((429, 503))


def public_reason(reason: str) -> str:
    """A reason as whoever chose the address is told it."""
    return "unreachable" if reason == _ADDRESS_REFUSED else reason


class Disposition(Enum):
    """What becomes of the event."""

    DELIVERED = "delivered"
    RETRY = "again"
    """It is tried again for days: the sink may be mended."""
    CLIENT_ERROR = "wrong"
    """It is tried again a few times: the sink says that it is this request."""
    GONE = "gone"
    """Nothing more is wanted there."""


class AttemptResult(NamedTuple):
    """How a request ended."""

    reason: str
    """`delivered`, an HTTP status, or one of NO_ANSWER: nothing that a sink wrote."""
    disposition: Disposition
    retry_after: timedelta | None = None
    """How long the whole sink wants to be left alone."""
    seconds: float = 0.0
    """How long it took."""

    @property
    def public_reason(self) -> str:
        """What the owner of a sink is told: whether a name leads into our network must not be told apart."""
        return public_reason(self.reason)

    @property
    def metric_label(self) -> str:
        """What metrics say of it: few words."""
        if self.disposition is Disposition.DELIVERED or self.reason in NO_ANSWER:
            return self.reason
        return "redirected" if self.reason[0] == "3" else f"{self.reason[0]}xx"


def classify_response(
    status: int, retry_after: str | None, now: datetime, cap_s: float, seconds: float = 0.0
) -> AttemptResult:
    """The outcome of a request that was answered."""
    if 200 <= status < 300:
        return AttemptResult("delivered", Disposition.DELIVERED, None, seconds)
    reason = str(status)
    if status == 410:
        return AttemptResult(reason, Disposition.GONE, None, seconds)
    if status in _BUSY:
        return AttemptResult(reason, Disposition.RETRY, _parse_retry_after(retry_after, now, cap_s), seconds)
    is_client_error = 400 <= status < 500 and status not in _RETRYABLE
    return AttemptResult(reason, Disposition.CLIENT_ERROR if is_client_error else Disposition.RETRY, None, seconds)


def classify_failure(reason: str, seconds: float = 0.0) -> AttemptResult:
    """The outcome of a request that was not; `reason`: one of NO_ANSWER."""
    return AttemptResult(reason, Disposition.RETRY, None, seconds)


def _parse_retry_after(retry_after: str | None, now: datetime, cap_s: float) -> timedelta | None:
    """How long `Retry-After` asks for: seconds, or until an HTTP date; None where it says nothing that can be read."""
    header = (retry_after or "").strip()
    if re.fullmatch(r"[0-9]{1,12}", header, re.ASCII):
        wait_s = float(header)
    else:
        try:
            retry_at = parsedate_to_datetime(header)
        except (ValueError, OverflowError, TypeError):
            return None
        wait_s = ((retry_at if retry_at.tzinfo else retry_at.replace(tzinfo=UTC)) - now).total_seconds()
    return timedelta(seconds=min(max(wait_s, 0.0), cap_s))
