"""Plain words for times, waits, organisations and types. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

import orjson

from pathline import instant
from pathline.vocabulary import TYPES


def organisation_name(code: str) -> str:
    """An organisation's code as a name, such as `Food bank`; the register's own names come with its page."""
    return code.replace("-", " ").capitalize()


class HasTitle(Protocol):
    """A step, as far as its title goes."""

    @property
    def type(self) -> str:
        """The event's type."""

    @property
    def activity(self) -> str | None:
        """What was done, in the publisher's words."""


def step_title(step: HasTitle) -> str:
    """What happened, in a few words."""
    if step.activity:
        return step.activity
    known = TYPES.get(step.type)
    return known.title if known is not None else step.type


def format_duration(duration: timedelta) -> str:
    """A span of time, to the unit that matters, such as `19 d`, `3 h`, `40 min`, `at once`."""
    if not duration:
        return "at once"
    if duration >= timedelta(days=1):
        return f"{duration.days:,} d"
    minutes = int(duration.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def format_day(at: datetime) -> str:
    """A day, such as `3 Apr 2026`."""
    return f"{at.day} {at:%b %Y}"


class HasTime(Protocol):
    """A step, as far as its time goes."""

    @property
    def time(self) -> datetime:
        """When it happened, or the beginning of the day or month."""

    @property
    def extra(self) -> bytes:
        """Its further attributes as JSON, with the time as it was sent."""

    @property
    def data(self) -> bytes:
        """Its data as JSON."""


def format_step_day(step: HasTime) -> str:
    """The day of a step: where only the day or month is known, that of the place where it was said."""
    if b'"precision"' in step.data and orjson.loads(step.data).get("precision") in ("day", "month"):
        sent = orjson.loads(step.extra or b"{}").get("time")
        if isinstance(sent, str):
            return format_day(instant.parse(sent))
    return format_day(step.time)


def format_instant(at: datetime) -> str:
    """A moment, such as `3 Apr 2026, 14:05 UTC`."""
    utc = at.astimezone(UTC)
    return f"{format_day(utc)}, {utc:%H:%M} UTC"
