"""Instants on the wire: RFC 3339 in, UTC with six digits and `Z` out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
_LATEST = datetime(9999, 12, 29, tzinfo=UTC)


def parse(text: str) -> datetime:
    """The instant, in the offset it was sent with, to the microsecond (finer digits are cut, as Postgres keeps six).

    Raises ValueError, without the value, unless `text` is an RFC 3339 date-time with an offset in the years 1 to 9999.
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("must be an RFC 3339 instant with an offset, such as 2026-03-01T09:30:00+11:00")
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("names a day or an hour that does not exist") from None
    # Two days of margin, so that no offset and no interval of a day leaves what datetime can hold.
    if not 1 < instant.year < 9999 and not _EARLIEST <= instant.replace(tzinfo=UTC) <= _LATEST:
        raise ValueError("must lie between the years 1 and 9999")
    return instant


def serve(instant: datetime) -> str:
    """The instant as Pathline serves it: `2026-02-28T22:30:00.000000Z`."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"
