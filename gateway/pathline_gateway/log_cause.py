"""What every log line of this package says besides its message: why, in a word that is the same each time. Pure."""

from __future__ import annotations


def because(cause: str | BaseException) -> dict[str, str]:
    """For `extra=` of a logging call. Of an error its class, never its message: that may hold what somebody sent."""
    if isinstance(cause, BaseException):
        state = getattr(cause, "sqlstate", None)
        cause = f"{type(cause).__name__} ({state})" if state else type(cause).__name__
    return {"cause": cause}
