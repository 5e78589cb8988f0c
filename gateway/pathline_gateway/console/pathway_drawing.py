"""A pathway as a drawing: one lane an organisation, steps on a true time axis, so that waiting is seen. Pure.

Lengths are in the units of the SVG's view box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pathline_gateway.console.handoff_wording import HandoffWording
from pathline_gateway.pathways.assembly import Pathway
from pathline_gateway.pathways.step import Step
from pathline_gateway.web.formatting import format_day, format_duration, format_step_day, organisation_name, step_title

WIDTH = 1000
LABELS = 150
"""Left of the lanes, for the organisations' names."""
MARGIN = 30
TOP = 40
LANE = 56
_MIN_LABEL_WIDTH = 70


@dataclass(frozen=True, slots=True)
class Lane:
    """An organisation's line."""

    label: str
    y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A step."""

    x: float
    y: float
    what: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """From a step at one organisation to the next step, at another; dashed while she waits."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnSilence:
    """An offer that nobody has answered, drawn to now."""

    x1: float
    x2: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A date on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw, and how high it is."""

    height: float
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    crossings: Sequence[Crossing]
    silences: Sequence[DrawnSilence]
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class _Axis:
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        span = (self.end - self.start) or timedelta(seconds=1)
        inside = min(max(at, self.start), self.end)
        return round(LABELS + MARGIN + (WIDTH - LABELS - 2 * MARGIN) * ((inside - self.start) / span), 1)


def draw_pathway(pathway: Pathway, handoffs: Iterable[HandoffWording], now: datetime) -> Drawing | None:
    """The drawing of a pathway and of its hand-offs that nobody answered; None when it has no step."""
    steps = pathway.steps
    if not steps:
        return None
    unanswered = [each for each in handoffs if each.unanswered and each.offered is not None]
    axis = _Axis(steps[0].time, max([steps[-1].time, *([now] if unanswered else [])]))
    receivers = [each.receiver for each in unanswered if each.receiver is not None]
    orgs = list(dict.fromkeys([*(step.org for step in steps), *receivers]))
    y = {org: TOP + LANE * i + LANE / 2 for i, org in enumerate(orgs)}
    return Drawing(
        height=TOP + LANE * len(orgs) + 10,
        lanes=[Lane(organisation_name(org), y[org]) for org in orgs],
        ticks=list(_draw_ticks(axis)),
        crossings=list(_draw_crossings(steps, axis, y)),
        silences=[
            _draw_silence(each, each.offered, axis, y[each.receiver], now)
            for each in unanswered
            if each.receiver is not None and each.offered is not None
        ],
        marks=[Mark(axis.x(s.time), y[s.org], f"{format_step_day(s)}: {step_title(s)}") for s in steps],
    )


def _draw_silence(wording: HandoffWording, offered: datetime, axis: _Axis, y: float, now: datetime) -> DrawnSilence:
    wait = f"offered {format_day(offered)}, nobody answered"
    due = wording.due
    late = f", due {format_day(due)}, silent {format_duration(now - due)}" if due is not None and due < now else ""
    return DrawnSilence(axis.x(offered), axis.x(now), y, wait + late)


def _draw_crossings(steps: Sequence[Step], axis: _Axis, y: dict[str, float]) -> Iterator[Crossing]:
    for before, after in pairwise(steps):
        if before.org != after.org:
            x1, x2 = axis.x(before.time), axis.x(after.time)
            label = format_duration(after.time - before.time) if x2 - x1 > _MIN_LABEL_WIDTH else ""
            yield Crossing(x1, y[before.org], x2, y[after.org], label)


def _draw_ticks(axis: _Axis) -> Iterator[Tick]:
    """The first of each month, thinned so that labels do not meet; else the two ends."""
    months = list(_months(axis))
    stride = max(1, -(-len(months) // 10))
    if not months:
        yield Tick(axis.x(axis.start), format_day(axis.start))
        if axis.x(axis.end) - axis.x(axis.start) > 2 * _MIN_LABEL_WIDTH and axis.end.date() != axis.start.date():
            yield Tick(axis.x(axis.end), format_day(axis.end))
    for month in months[::stride]:
        with_year = stride > 1 or month.month == 1 or month is months[0]
        yield Tick(axis.x(month), f"{month:%b %Y}" if with_year else f"{month:%b}")


def _months(axis: _Axis) -> Iterator[datetime]:
    start, end = axis.start.astimezone(UTC), axis.end.astimezone(UTC)
    for number in range(start.year * 12 + start.month, end.year * 12 + end.month):
        yield datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
