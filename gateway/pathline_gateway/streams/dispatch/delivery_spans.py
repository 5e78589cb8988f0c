"""Spans of dispatching and of deliveries, linked to the calls that published. Where nobody records, nothing is done."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTrace, publisher_trace
from pathline_gateway.telemetry import instruments
from pathline_gateway.telemetry.instruments import DELIVERY_SPANS, link_all, link_to
from pathline_gateway.time_slice import TimeSlice

_DISPATCH: Final = "dispatch"


def record_dispatch(started_at: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """That these events were given to subscriptions in one transaction, which began then (nanoseconds since 1970)."""
    span = instruments.TRACER.start_span(_DISPATCH, Context(), start_time=started_at)
    if span.is_recording():
        distinct_rows = {id(row): row for row in rows}.values()
        span.set_attribute("messaging.batch.message_count", len(distinct_rows))
        published = (publisher_trace(row) for row in distinct_rows)
        link_all(span, _DISPATCH, [link_to(*each) for each in published if each is not None])
    span.end()


def with_publisher(trace: DeliveryTrace, row: Mapping[str, Any], event: Mapping[str, Any] | None) -> DeliveryTrace:
    """The trace, with the call that published this event, if the delivery shows it and is recorded."""
    is_shown = event is not None and "specversion" in event
    if not is_shown or not DELIVERY_SPANS.is_sampled(trace.trace_id):
        return trace
    return trace._replace(publisher=publisher_trace(row))


def publisher_links(trace: DeliveryTrace) -> list[Link]:
    """What the span of this delivery is linked to: on our side alone."""
    return [] if trace.publisher is None else [link_to(*trace.publisher)]


class SampledDeliveries(NamedTuple):
    """The deliveries of one subscription that leave together, as far as spans of them are recorded."""

    org: str
    traces: Sequence[DeliveryTrace]

    async def record(self, name: str, started_at: int, attributes: Mapping[str, str] | None = None) -> None:
        """They have left: a span each, from then (nanoseconds since 1970) to now."""
        slice, ended_at = TimeSlice(), time.time_ns()
        for trace in self.traces:
            DELIVERY_SPANS.record_span(
                name,
                (trace.trace_id, trace.span_id),
                (started_at, ended_at),
                {"pathline.organisation": self.org, **(attributes or {})},
                publisher_links(trace),
                kind=SpanKind.PRODUCER,
            )
            if slice.is_spent:
                await slice.renew()
