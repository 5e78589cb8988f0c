"""Lengths of time by the calendar of a zone: back to where a window begins, forward to when something is ready. Pure.

Years and months are counted together, and a day that the month lacks becomes its last. Weeks and days follow, then
hours, minutes and seconds, which are no calendar's.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from pathline import instant

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:\.(?P<fraction>\d+))?S)?)?",
    re.ASCII,
)
_MICROSECONDS_OF_HOUR: Final = 3_600_000_000


class CalendarDuration(NamedTuple):
    """A length of time, by what each part of it is counted in."""

    months: int
    days: int
    clock: timedelta
    """Rounded up to a microsecond: no two instants are closer."""


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> CalendarDuration:
    """The duration. Raises ValueError unless the contract would take it."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("must be an ISO 8601 duration, such as P10D or PT48H")
    part = {name: int(digits or 0) for name, digits in found.groupdict().items() if name != "fraction"}
    fraction = found["fraction"] or ""
    microseconds = -(-int(fraction.ljust(6, "0")) // 10 ** max(0, len(fraction) - 6))
    clock_us = (part["hours"] * 60 + part["minutes"]) * 60_000_000 + part["seconds"] * 1_000_000 + microseconds
    return CalendarDuration(
        part["years"] * 12 + part["months"],
        part["weeks"] * 7 + part["days"],
        timedelta(hours=clock_us // _MICROSECONDS_OF_HOUR, microseconds=clock_us % _MICROSECONDS_OF_HOUR),
    )


def reach_back(now: datetime, within: str, zone: tzinfo) -> datetime | None:
    """The instant so long before; None where that lies before all instants."""
    return _move(now, parse_duration(within), -1, zone)


def add_duration(now: datetime, duration: str, zone: tzinfo) -> datetime:
    """The instant so long after; the last of all where that lies beyond it."""
    return _move(now, parse_duration(duration), 1, zone) or instant.LATEST


def date_in_zone(moment: datetime, zone: tzinfo) -> date:
    """The date that the zone's calendar shows then."""
    return instant.in_zone(moment, zone).date()


def first_instant(day: date, zone: tzinfo) -> datetime:
    """When the day begins in the zone, as UTC; the last of all instants where none is of that day."""
    try:
        begins = [datetime.combine(day, time(), zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError:
        return instant.LATEST
    # Where clocks go back over midnight, the first time that they show it is still the day before.
    return next((each for each in begins if date_in_zone(each, zone) == day), begins[-1])


def _move(now: datetime, duration: CalendarDuration, sign: int, zone: tzinfo) -> datetime | None:
    moment = now
    try:
        if duration.months or duration.days:
            local = instant.in_zone(now, zone)
            day = _add_months(local.date(), sign * duration.months) + timedelta(days=sign * duration.days)
            moment = datetime.combine(day, local.timetz().replace(fold=0))
        return moment.astimezone(UTC) + sign * duration.clock
    except (OverflowError, ValueError):
        return None


def _add_months(day: date, months: int) -> date:
    """Raises ValueError beyond the years 1 to 9999."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise ValueError("no date is of that year")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
