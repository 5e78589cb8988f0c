"""When the facts of a pathway may next be others though nobody publishes anything: for versions and caches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo

from pathline import instant
from pathline_gateway.offers.durations import date_in_zone, first_instant
from pathline_gateway.offers.occurrences import CIRCUMSTANCE_CHANGED, OwnStep, select_own_steps
from pathline_gateway.pathways.parsed_step import ParsedStep


def next_fact_change(steps: Iterable[ParsedStep], now: datetime, zone: tzinfo) -> datetime | None:
    """The first instant after now at which a date of these steps has come or passed; None where none will.

    Until then facts stay as they are. A step that lies ahead is such a boundary, too.
    """
    shown, today = list(steps), date_in_zone(now, zone)
    ahead = [each.step.time for each in shown if each.step.time > now]
    days = [day for own in select_own_steps(shown, now) for day in _boundaries(own) if day > today]
    begins = [first_instant(min(days), zone)] if days else []
    return min((each for each in (*ahead, *begins) if now < each < instant.LATEST), default=None)


def _boundaries(own: OwnStep) -> Iterator[date]:
    """The days from which the step may say something else."""
    if own.type != CIRCUMSTANCE_CHANGED and not own.type.startswith("decision."):
        return
    effective, valid_until = own.day("effective"), own.day("valid_until")
    if effective is not None:
        yield effective
    if valid_until is not None and valid_until < date.max:
        yield valid_until + timedelta(days=1)
