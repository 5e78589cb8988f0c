"""Instants: which there are, how they are written, and sums that stay among them. Whatever holds an instant uses this.

They are those of the years 1 to 9999 in UTC: what Python's datetime and Postgres can both hold. `9999-12-31T23:59:59Z`
and its fractions are among them, because registers write them where something has no end. A sum never leaves them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

BOUNDS: Final = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""What is beyond these is refused."""
# A microsecond within: asyncpg takes the ends themselves for Postgres' infinities, which are no instants.
EARLIEST: Final = BOUNDS[0] + timedelta(microseconds=1)
"""Nothing is before it."""
LATEST: Final = BOUNDS[1] - timedelta(microseconds=1)
"""Nothing is after it."""

DAY_PATTERN: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK_PATTERN: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
RFC3339_PATTERN: Final = rf"^{DAY_PATTERN}[Tt]{_CLOCK_PATTERN}:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-]{_CLOCK_PATTERN})$"
"""RFC 3339 with an offset, alike in Python, Rust and ECMA-262; it cannot say which days there are, nor the range."""
RANGE_MESSAGE: Final = "must lie between the years 1 and 9999 of UTC"

_LEAP_SECOND: Final = re.compile(r"(?<=:[0-5][0-9]):60", re.ASCII)
_RFC3339: Final = re.compile(RFC3339_PATTERN, re.ASCII)


def parse(text: str) -> datetime:
    """The instant, in the offset it was sent with, to the microsecond (finer digits are cut, as Postgres keeps six).

    Raises ValueError, without the value, unless `text` is an RFC 3339 date-time with an offset, of the years 1 to 9999.
    """
    if _RFC3339.fullmatch(text) is None:
        if _LEAP_SECOND.search(text) and _RFC3339.fullmatch(_LEAP_SECOND.sub(":59", text, count=1)):
            raise ValueError("names a leap second, which no clock here can hold: write second 59")
        raise ValueError("must be an RFC 3339 instant with an offset, such as 2026-03-01T09:30:00+11:00")
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("names a day or an hour that does not exist") from None
    if 1 < instant.year < 9999:
        return instant
    if not BOUNDS[0] <= instant <= BOUNDS[1]:
        raise ValueError(RANGE_MESSAGE)
    return clamp(instant)


def clamp(instant: datetime) -> datetime:
    """The instant; in place of the first or the last microsecond that there is the next within."""
    return EARLIEST if instant < EARLIEST else LATEST if instant > LATEST else instant


def to_text(instant: datetime) -> str:
    """The instant as Pathline serves it: `2026-02-28T22:30:00.000000Z`."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def add(instant: datetime, duration: timedelta) -> datetime:
    """The instant so much later, in UTC; the end of all instants where that lies beyond it."""
    try:
        return clamp(instant.astimezone(UTC) + duration)
    except OverflowError:
        return LATEST if duration > timedelta() else EARLIEST


def subtract(instant: datetime, duration: timedelta) -> datetime:
    """The instant so much earlier, in UTC; the beginning of all instants where that lies before it."""
    try:
        return clamp(instant.astimezone(UTC) - duration)
    except OverflowError:
        return EARLIEST if duration > timedelta() else LATEST


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """The instant by the clocks of a zone; unchanged where they have no date for it, near either end."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant
