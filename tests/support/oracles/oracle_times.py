"""Dates, windows and steps as the oracle of eligibility reads them: straight-line, with nothing of the gateway."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Step = Mapping[str, Any]
"""`source`, `id`, `type`, `time` (RFC 3339), `org`, `service`, `sequence`, `data`."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", re.ASCII
)


def as_sent(step: Step) -> datetime:
    """The step's time in the offset that it was sent with."""
    return datetime.fromisoformat(step["time"].upper())


def instant(step: Step) -> datetime:
    """The step's time in UTC. A day or a month step counts by its first instant, and `time` is that."""
    return as_sent(step).astimezone(UTC)


def day(step: Step, zone: ZoneInfo) -> str:
    """The date of the step's instant in the gateway's zone."""
    return instant(step).astimezone(zone).date().isoformat()


def today(now: datetime, zone: ZoneInfo) -> date:
    """The date of the instant in the gateway's zone."""
    return now.astimezone(zone).date()


def noun_verb(step: Step) -> str:
    """`circumstance.changed` of `org.pathline.circumstance.changed.v1`."""
    return ".".join(step["type"].split(".")[2:4])


def reference(step: Step) -> dict[str, str]:
    """How a proof names a step."""
    return {"source": step["source"], "id": step["id"]}


def taking_part(steps: Sequence[Step], now: datetime) -> list[Step]:
    """The steps, in their order, that can say anything of her now."""
    at = now.astimezone(UTC)
    # Nothing later than the instant takes part; what is done for somebody else says nothing of her.
    return [step for step in steps if instant(step) <= at and step["data"].get("on_behalf") is None]


def is_declaration(step: Step) -> bool:
    """Whether the step says that a window is complete, and so is no change itself."""
    return noun_verb(step) == "circumstance.changed" and step["data"].get("complete") is not None


def interval_end(step: Step) -> datetime:
    """The first instant after the day or the month that the step means; for others, its instant."""
    begins = as_sent(step)
    match step["data"].get("precision"):
        case "day":
            return (begins + timedelta(days=1)).astimezone(UTC)
        case "month":
            return _months_later(begins, 1).astimezone(UTC)
        case _:
            return begins.astimezone(UTC)


def window_start(within: str | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant after which the window begins, in UTC; None where it is all time."""
    if within is None:
        return None
    found = _DURATION.fullmatch(within)
    assert found is not None, "the vocabulary lets no other duration through"
    years, months, weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[:7])
    fraction = int((found[8] or "").ljust(6, "0")[:6])
    clock = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction)
    try:
        begins = now.astimezone(UTC)
        if years or months or weeks or days:
            # Calendar parts move the clock on her wall: first the months, cut to the month's last day, then the days.
            wall = _months_later(now.astimezone(zone).replace(tzinfo=None), -(12 * years + months))
            begins = (wall - timedelta(days=7 * weeks + days)).replace(tzinfo=zone).astimezone(UTC)
        return begins - clock
    except (OverflowError, ValueError):
        # Further back than there are dates: that is all time.
        return None


def first_date(start: datetime | None, zone: ZoneInfo) -> str:
    """The first date of a window, which a declaration must cover; of all time, the first that there is."""
    return "0001-01-01" if start is None else start.astimezone(zone).date().isoformat()


def whole_years(birth: date, until: date) -> int:
    """How many birthdays there have been."""
    years = until.year - birth.year
    # The birthday of a 29 February is 1 March in a year without one; as month and day, (2, 29) < (3, 1) says so.
    return years if (until.month, until.day) >= (birth.month, birth.day) else years - 1


def same_scalar(one: object, other: object) -> bool:
    """Equal as JSON: 1 is not true."""
    return type(one) is type(other) and one == other


def same_field(published: object, asked: object) -> bool:
    """Whether a field of a step's data is what `where` asks for."""
    # A list field is asked whether it holds the value.
    if isinstance(published, list):
        return any(same_field(entry, asked) for entry in published)
    # Instants are equal where they are the same moment, in whatever offset.
    if isinstance(published, str) and isinstance(asked, str):
        if _RFC3339.fullmatch(published) and _RFC3339.fullmatch(asked):
            return datetime.fromisoformat(published.upper()) == datetime.fromisoformat(asked.upper())
        return published == asked
    return same_scalar(published, asked)


def _months_later(moment: datetime, months: int) -> datetime:
    count = moment.year * 12 + moment.month - 1 + months
    year, month = count // 12, count % 12 + 1
    if year < 1 or year > 9999:
        raise OverflowError
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
