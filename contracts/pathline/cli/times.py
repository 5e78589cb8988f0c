"""When a row says that it happened: the texts of logs and spreadsheets as instants."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pathline import instant
from pathline.cli.errors import WrongMapping

_ISO_LIKE = re.compile(
    r"(\d{4})([-/.])(\d\d?)\2(\d\d?)"
    r"(?:[T ]\s*(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
_DIRECTIVE = re.compile("%(.)", re.DOTALL)
_CLOCK_DIRECTIVES = frozenset("HIXc")
_DAY_DIRECTIVES = frozenset("djxcaAuUWV")
_MONTH_DIRECTIVES = frozenset("mbBjxcUWV")
_YEAR_DIRECTIVES = frozenset("YyGxc")


class NaiveTime(ValueError):
    """The time has no offset, and nobody said in which zone it is meant."""


@dataclass(frozen=True, slots=True)
class ParsedTime:
    """When something happened, with an offset; or the beginning of the day or month in which it did."""

    instant: datetime
    precision: Precision | None = None

    @property
    def text(self) -> str:
        """RFC 3339, in the offset that was meant."""
        offset = self.instant.utcoffset() or timedelta()
        # Offsets before standard time have seconds, which RFC 3339 cannot say.
        rounded = self.instant if not offset.total_seconds() % 60 else self.instant.astimezone(UTC)
        text = rounded.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


Precision = Literal["day", "month"]
Reader = Callable[[str], ParsedTime]
"""Text to moment. Raises ValueError, without the text, where it is none, and NaiveTime where a zone is missing."""


def time_reader(pattern: str | None, zone: str | None) -> Reader:
    """Reads the common ISO-like forms, or `pattern` as strptime has it, or `unix` or `unix-ms`."""
    tz = None if zone is None else time_zone(zone)
    if pattern in ("unix", "unix-ms"):
        unit = 1 if pattern == "unix" else 1000
        return lambda text: _parse_with(lambda: datetime.fromtimestamp(float(text) / unit, UTC), None, None)
    if pattern is not None:
        precision = _check_pattern(pattern)
        return lambda text: _parse_with(lambda: datetime.strptime(text.strip(), pattern), tz, precision)
    return lambda text: _iso_like(text.strip(), tz)


def _check_pattern(pattern: str) -> Precision | None:
    """How precise times of this pattern are. Raises WrongMapping where it says no year or month, or is no pattern."""
    example = datetime(2026, 3, 31, 21, tzinfo=UTC)
    try:
        parsed = datetime.strptime(example.strftime(pattern), pattern)
    except (ValueError, re.error):
        raise WrongMapping(
            "--time-format: write unix, unix-ms or a strptime pattern such as '%d/%m/%Y %H:%M'"
        ) from None
    directives = {match[1] for match in _DIRECTIVE.finditer(pattern)}
    if "Z" in directives:
        raise WrongMapping(
            "--time-format: %Z, the name of a zone, is not understood: strptime reads it and forgets it. "
            "Use %z for offsets, or --timezone and a pattern without it"
        )
    if not directives & _YEAR_DIRECTIVES:
        raise WrongMapping("--time-format: the pattern has no year, such as %Y: every time would be of 1900")
    if not directives & _MONTH_DIRECTIVES:
        raise WrongMapping("--time-format: the pattern has no month, such as %m: a year alone is too coarse")
    has_clock, has_day = bool(directives & _CLOCK_DIRECTIVES), parsed.day == example.day
    if parsed.month != example.month or (not has_day and (has_clock or directives & _DAY_DIRECTIVES)):
        raise WrongMapping("--time-format: the pattern does not say which day it is: add %d and %m")
    if has_clock and parsed.hour != example.hour:
        raise WrongMapping("--time-format: the pattern does not say which hour it is: %I needs %p")
    if has_clock:
        return None
    return "day" if has_day else "month"


def _parse_with(read: Callable[[], datetime], zone: tzinfo | None, precision: Precision | None) -> ParsedTime:
    """What a pattern reads. Raises ValueError without the text, which strptime's own message repeats."""
    try:
        parsed = read()
    except (ValueError, OverflowError, OSError):
        raise ValueError("is not a time of the form --time-format") from None
    return ParsedTime(localize(parsed, zone, has_clock=precision is None), precision)


def time_zone(name: str) -> tzinfo:
    """The zone of an IANA name such as `Europe/Amsterdam`, or of an offset such as `+10:00`."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return _parse_offset(name) if _OFFSET.fullmatch(name) else ZoneInfo(name)
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
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), _microseconds(fraction)
        )
    except ValueError:
        raise ValueError("names a day or an hour that does not exist") from None
    meant = at if offset is None else at.replace(tzinfo=_parse_offset(offset))
    return ParsedTime(localize(meant, zone, has_clock=hour is not None), "day" if hour is None else None)


def _microseconds(fraction: str | None) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _parse_offset(text: str) -> tzinfo:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return UTC
    delta = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if delta >= timedelta(days=1):
        raise ValueError("has an offset of a day or more")
    return timezone(delta if match[1] == "+" else -delta) if delta else UTC


def localize(at: datetime, zone: tzinfo | None, *, has_clock: bool = True) -> datetime:
    """The time in its zone. An hour that the clocks repeat is the first one, and one that they skip is refused.

    A day whose midnight they skip begins when they go on.
    """
    if at.tzinfo is not None:
        if not instant.BOUNDS[0] <= at <= instant.BOUNDS[1]:
            raise ValueError(instant.RANGE_MESSAGE)
        return at
    if zone is None:
        raise NaiveTime("has no offset; say where its clock hangs with --timezone, such as UTC or Europe/Amsterdam")
    localized = at.replace(tzinfo=zone)
    try:
        shown = localized.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise ValueError(instant.RANGE_MESSAGE) from None
    if shown.replace(tzinfo=None) == at:
        return localized
    if has_clock:
        raise ValueError("names an hour that the clocks skipped in this time zone")
    if shown.date() != at.date():
        raise ValueError("names a day that the clocks skipped in this time zone")
    return shown
