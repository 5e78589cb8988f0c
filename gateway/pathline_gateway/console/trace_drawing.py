"""A journey trace as a waterfall: spans in the order of the tree, each with its place in time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pathline_gateway.web.formatting import day, lasting, organisation

WIDTH = 1000
LABELS = 320
ROW = 26
_SHORTEST = 4
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
    began: str
    took: str


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


def waterfall(trace: Mapping[str, Any]) -> Waterfall | None:
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
    rows = list(_in_order(root, children, 0))
    bars = [_bar(span, depth, i, root) for i, (span, depth) in enumerate(rows)]
    return Waterfall(root.raw["traceId"], ROW * (len(bars) + 1), bars)


def _in_order(span: _Span, children: Mapping[str | None, Sequence[_Span]], depth: int) -> Iterator[tuple[_Span, int]]:
    yield span, depth
    for child in sorted(children.get(span.raw["spanId"], ()), key=lambda s: (s.start, s.raw["spanId"])):
        yield from _in_order(child, children, depth + 1)


def _bar(span: _Span, depth: int, row: int, root: _Span) -> Bar:
    scale = (WIDTH - LABELS - 10) / max(1, root.end - root.start)
    wide = max(_SHORTEST, (span.end - span.start) * scale)
    x = min(LABELS + (span.start - root.start) * scale, WIDTH - wide)
    began = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=span.start // 1000)
    took = timedelta(microseconds=(span.end - span.start) // 1000)
    name = span.raw["name"] if depth != 1 else f"{organisation(span.service)}: {span.raw['name']}"
    return Bar(name, span.service, depth, round(x, 1), round(wide, 1), ROW * row + ROW / 2, day(began), lasting(took))
