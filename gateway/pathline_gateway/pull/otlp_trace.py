"""A pathway as one OpenTelemetry trace, made from the store when it is asked for. Pure.

A pathway lasts months, so it never is a live trace. The root is the pathway, and each stretch of one organisation is
its child. Each step is a leaf, which links to the real span of the call that published it. Ids are keyed by reader,
pathway and version, so that they are nobody's identifiers. OTLP JSON, as OTLP/HTTP 1.x encodes it (ids in hexadecimal).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from pathline_gateway.pathways.assembly import Pathway
from pathline_gateway.pathways.step import Step, step_end

_INTERNAL = 1
"""SPAN_KIND_INTERNAL."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_INSTANT = datetime(2554, 1, 1, tzinfo=UTC)
"""OTLP counts nanoseconds since 1970 in 64 bits, which end in July of this year; no step is longer than a month."""


@dataclass(frozen=True)
class TraceKey:
    """Makes the ids of one journey trace."""

    secret: bytes
    reader: str
    pathway: str
    version: str

    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return self._keyed_digest("trace")[:32]

    def span_id(self, *path: str) -> str:
        """16 hexadecimal digits."""
        return self._keyed_digest("span", *path)[:16]

    def _keyed_digest(self, *path: str) -> str:
        text = "\0".join((self.reader, self.pathway, self.version, *path))
        return hmac.digest(self.secret, text.encode(), hashlib.sha256).hex()


def journey_trace(pathway: Pathway, key: TraceKey) -> dict[str, object]:
    """The OTLP JSON of this pathway: a resource for the pathway and one for each organisation.

    Steps that OTLP has no time for (before 1970, after 2553) are not in it.
    """
    steps = [step for step in pathway.steps if _EPOCH <= step.time < _LAST_INSTANT]
    if not steps:
        return {"resourceSpans": []}
    root = key.span_id("pathway")
    spans = {"pathline": [_span(key, root, None, "pathway", steps[0].time, _last_end(steps))]}
    for (org, stretch), members in _group_stretches(steps).items():
        parent = key.span_id("stretch", org, stretch)
        org_spans = spans.setdefault(org, [])
        org_spans.append(
            _span(key, parent, root, stretch or org, members[0].time, _last_end(members), _step_attributes(members[0]))
        )
        org_spans += [_step_span(key, parent, step) for step in members]
    return {"resourceSpans": [_resource(name, org_spans) for name, org_spans in spans.items()]}


def _group_stretches(steps: Iterable[Step]) -> dict[tuple[str, str], list[Step]]:
    """Steps by organisation and its own episode, or service where it names none."""
    steps_by_stretch: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        episode = orjson.loads(step.data).get("episode") or step.service or ""
        steps_by_stretch.setdefault((step.org, str(episode)), []).append(step)
    return steps_by_stretch


def _step_span(key: TraceKey, parent: str, step: Step) -> dict[str, object]:
    span_id = key.span_id("step", step.source, step.id)
    name = step.activity or step.type.removeprefix("org.pathline.").rsplit(".v", 1)[0]
    span = _span(key, span_id, parent, name, step.time, step_end(step), _step_attributes(step))
    if step.trace_id is not None and step.span_id is not None:
        span["links"] = [{"traceId": step.trace_id.hex(), "spanId": step.span_id.hex()}]
    return span


def _last_end(steps: Iterable[Step]) -> datetime:
    return max(step_end(step) for step in steps)


def _step_attributes(step: Step) -> Mapping[str, str | None]:
    return {
        "pathline.organisation": step.org,
        "pathline.service": step.service,
        "pathline.type": step.type,
        "pathline.channel": step.channel,
        "pathline.initiator": step.initiator,
    }


def _span(
    key: TraceKey,
    span_id: str,
    parent: str | None,
    name: str,
    start: datetime,
    end: datetime,
    attributes: Mapping[str, str | None] | None = None,
) -> dict[str, object]:
    span: dict[str, object] = {
        "traceId": key.trace_id(),
        "spanId": span_id,
        "name": name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(start),
        "endTimeUnixNano": _nanoseconds(end),
        "attributes": [_attribute(k, v) for k, v in (attributes or {}).items() if v is not None],
        "status": {},
    }
    if parent is not None:
        span["parentSpanId"] = parent
    return span


def _nanoseconds(instant: datetime) -> str:
    """Nanoseconds since 1970 as text, as OTLP JSON writes 64-bit integers."""
    return str((instant - _EPOCH) // timedelta(microseconds=1) * 1000)


def _attribute(name: str, value: str) -> dict[str, object]:
    return {"key": name, "value": {"stringValue": value}}


def _resource(name: str, spans: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "resource": {"attributes": [_attribute("service.name", name)]},
        "scopeSpans": [{"scope": {"name": "pathline.journey"}, "spans": list(spans)}],
    }
