"""An interaction as it stands on a pathway, and its place among the others.

Order: time (microseconds), source, sequence (text, absent first), id; by code point, as in `COLLATE "C"`.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from pathline import instant


class Step(NamedTuple):
    """An interaction as it stands on a pathway. `data` is JSON; `extra` its further envelope attributes."""

    source: str
    id: str
    type: str
    time: datetime
    recordedtime: datetime | None
    org: str
    subject: str
    service: str | None
    channel: str | None
    activity: str | None
    initiator: str | None
    actor: str | None
    sequence: str | None
    trace_id: bytes | None
    span_id: bytes | None
    extra: bytes
    data: bytes
    sent_data: bytes | None = None
    """The data as it was sent, where its publisher used names of her own: she is shown it, and nobody else."""
    stored_time: datetime | None = None
    """When it was said to happen at first, where a correction has changed that."""

    @property
    def as_sent(self) -> Step:
        """The step as its publisher is told it: what she said under names of her own stays under them."""
        return self if self.sent_data is None else self._replace(data=self.sent_data, sent_data=None)

    @property
    def sort_key(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among the others."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id


def step_end(step: Step) -> datetime:
    """When the step's interval ends: at once, or with the day or month that is all that is known of it."""
    return interval_end(step.time, orjson.loads(step.data).get("precision"))


def interval_end(time: datetime, precision: str | None) -> datetime:
    """When an interval that begins then ends, of which this much is known."""
    match precision:
        case "day":
            return instant.add(time, timedelta(days=1))
        case "month":
            return instant.add(time, timedelta(days=calendar.monthrange(time.year, time.month)[1]))
        case _:
            return time
