"""When a row says that it happened: the texts of logs and spreadsheets as instants."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pathline import instant
from pathline.cli.errors import WrongMapping

_ISO_LIKE = re.compile(
    r"(\d{4})([-/.])(\d\d?)\2(\d\d?)"
    r"(?:[T ]\s*(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
_WITH_CLOCK = ("%H", "%I", "%X", "%c", "%s")


class NaiveTime(ValueError):
    """The time has no offset, and nobody said in which zone it is meant."""


@dataclass(frozen=True, slots=True)
class ParsedTime:
    """When something happened, with an offset; or the beginning of the day on which it did."""

    at: datetime
    day: bool = False

    @property
    def text(self) -> str:
        """RFC 3339, in the offset that was meant."""
        offset = self.at.utcoffset() or timedelta()
        # Offsets before standard time have seconds, which RFC 3339 cannot say.
        exact = self.at if not offset.total_seconds() % 60 else self.at.astimezone(UTC)
        text = exact.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


Reader = Callable[[str], ParsedTime]
"""Text to moment. Raises ValueError, without the text, where it is none, and Naive where a zone is missing."""


def reader(pattern: str | None, zone: str | None) -> Reader:
    """Reads the common ISO-like forms, or `pattern` as strptime has it, or `unix` or `unix-ms`."""
    place = None if zone is None else time_zone(zone)
    if pattern in ("unix", "unix-ms"):
        unit = 1 if pattern == "unix" else 1000
        return lambda text: _described(lambda: datetime.fromtimestamp(float(text) / unit, UTC), None, day=False)
    if pattern is not None:
        _check_pattern(pattern)
        day = not any(clock in pattern for clock in _WITH_CLOCK)
        return lambda text: _described(lambda: datetime.strptime(text.strip(), pattern), place, day=day)
    return lambda text: _iso_like(text.strip(), place)


def _check_pattern(pattern: str) -> None:
    """Raises WrongMapping where no text could ever be of this pattern."""
    example = datetime(2026, 1, 31, 9, tzinfo=UTC)
    try:
        datetime.strptime(example.strftime(pattern), pattern)
    except (ValueError, re.error):
        raise WrongMapping(
            "--time-format: write unix, unix-ms or a strptime pattern such as '%d/%m/%Y %H:%M'"
        ) from None


def _described(read: Callable[[], datetime], zone: tzinfo | None, *, day: bool) -> ParsedTime:
    """What a pattern reads. Raises ValueError without the text, which strptime's own message repeats."""
    try:
        at = read()
    except (ValueError, OverflowError, OSError):
        raise ValueError("is not a time of the form --time-format") from None
    return ParsedTime(_placed(at, zone), day)


def time_zone(name: str) -> tzinfo:
    """The zone of an IANA name such as `Europe/Amsterdam`, or of an offset such as `+10:00`."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    if _OFFSET.fullmatch(name):
        return _offset(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongMapping(
            "--timezone: no such time zone here; write UTC, an offset such as +10:00 or a name such as Europe/Amsterdam"
        ) from None


def _iso_like(text: str, zone: tzinfo | None) -> ParsedTime:
    match = _ISO_LIKE.fullmatch(text)
    if match is None:
        raise ValueError("is not a time in a form that is known; describe it with --time-format")
    year, _, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        at = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), _us(fraction)
        )
    except ValueError:
        raise ValueError("names a day or an hour that does not exist") from None
    return ParsedTime(_placed(at if offset is None else at.replace(tzinfo=_offset(offset)), zone), hour is None)


def _us(fraction: str | None) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _offset(text: str) -> tzinfo:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return UTC
    away = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if away >= timedelta(days=1):
        raise ValueError("has an offset of a day or more")
    return timezone(away if match[1] == "+" else -away) if away else UTC


def _placed(at: datetime, zone: tzinfo | None) -> datetime:
    """The time in its zone; of an hour that the clocks repeat the first, of an hour that they skip none."""
    if at.tzinfo is not None:
        return at
    if zone is None:
        raise NaiveTime("has no offset; say where its clock hangs with --timezone, such as UTC or Europe/Amsterdam")
    placed = at.replace(tzinfo=zone)
    try:
        skipped = placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at
    except OverflowError:
        raise ValueError(instant.RANGE) from None
    if skipped:
        raise ValueError("names an hour that the clocks skipped in this time zone")
    return placed
