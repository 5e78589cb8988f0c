"""A journey trace as a waterfall: spans in the order of the tree, each with its place in time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pathline_gateway.web.formatting import format_day, format_duration, organisation_name

WIDTH = 1000
LABELS = 320
ROW = 26
_MIN_BAR_WIDTH = 4
"""Width of a span that took no time: it is still seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One span."""

    name: str
    org: str
    depth: int
    x: float
    width: float
    y: float
    start: str
    duration: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The trace, top to bottom."""

    trace_id: str
    height: float
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class _Span:
    raw: Mapping[str, Any]
    service: str

    @property
    def start(self) -> int:
        return int(self.raw["startTimeUnixNano"])

    @property
    def end(self) -> int:
        return int(self.raw["endTimeUnixNano"])


def draw_waterfall(trace: Mapping[str, Any]) -> Waterfall | None:
    """The drawing of an OTLP JSON trace with one root; None when it has no span."""
    children: defaultdict[str | None, list[_Span]] = defaultdict(list)
    for resource in trace["resourceSpans"]:
        service = resource["resource"]["attributes"][0]["value"]["stringValue"]
        for scope in resource["scopeSpans"]:
            for raw in scope["spans"]:
                children[raw.get("parentSpanId")].append(_Span(raw, service))
    if not children[None]:
        return None
    (root,) = children[None]
    rows = list(_depth_first(root, children, 0))
    bars = [_draw_bar(span, depth, i, root) for i, (span, depth) in enumerate(rows)]
    return Waterfall(root.raw["traceId"], ROW * (len(bars) + 1), bars)


def _depth_first(
    span: _Span, children: Mapping[str | None, Sequence[_Span]], depth: int
) -> Iterator[tuple[_Span, int]]:
    yield span, depth
    for child in sorted(children.get(span.raw["spanId"], ()), key=lambda s: (s.start, s.raw["spanId"])):
        yield from _depth_first(child, children, depth + 1)


def _draw_bar(span: _Span, depth: int, row: int, root: _Span) -> Bar:
    scale = (WIDTH - LABELS - 10) / max(1, root.end - root.start)
    width = max(_MIN_BAR_WIDTH, (span.end - span.start) * scale)
    x = min(LABELS + (span.start - root.start) * scale, WIDTH - width)
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=span.start // 1000)
    duration = timedelta(microseconds=(span.end - span.start) // 1000)
    name = span.raw["name"] if depth != 1 else f"{organisation_name(span.service)}: {span.raw['name']}"
    return Bar(
        name,
        span.service,
        depth,
        round(x, 1),
        round(width, 1),
        ROW * row + ROW / 2,
        format_day(start),
        format_duration(duration),
    )
