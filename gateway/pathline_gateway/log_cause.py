"""What every log line of this package says besides its message: why, in a word that is the same each time. Pure."""

from __future__ import annotations


def error_label(error: BaseException) -> str:
    """What a log line may say of it: its class, and its SQLSTATE where it has one; never its message."""
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} ({state})" if state else type(error).__name__


def because(cause: str | BaseException) -> dict[str, str]:
    """For `extra=` of a logging call."""
    return {"cause": error_label(cause) if isinstance(cause, BaseException) else cause}
