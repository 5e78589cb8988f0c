"""A request continues its caller's trace, unless that is the trace of a delivery: then it is linked to it."""

from __future__ import annotations

from uuid import UUID

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from starlette.types import Receive, Scope, Send

from pathline_gateway.limits.table import Limits
from pathline_gateway.runtime.tracing_middleware import TracingMiddleware
from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTraceKey, traceparent
from support.recorded_spans import record_spans

KEY = DeliveryTraceKey(b"a secret")


async def answer(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def span_of(headers: dict[str, str]) -> ReadableSpan:
    app = TracingMiddleware(answer, Limits(), KEY.has_made)
    with record_spans() as exporter:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway.test") as client:
            assert (await client.get("/", headers=headers)).status_code == 204
        (span,) = exporter.get_finished_spans()
    return span


async def test_the_trace_of_a_caller_goes_on() -> None:
    span = await span_of({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}", list(span.links)) == (
        "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", []
    )  # fmt: skip
    alone = await span_of({})
    assert (alone.parent, list(alone.links)) == (None, [])


async def test_whoever_comes_with_the_trace_of_a_delivery_is_linked_to_it_and_is_no_part_of_it() -> None:
    delivery = KEY.trace(UUID(int=7), 3)
    for span_id in (delivery.span_id, 0x00F067AA0BA902B7):  # as it came, and from the receiver's own span
        span = await span_of({"traceparent": traceparent(delivery.trace_id, span_id, is_sampled=False)})
        assert (span.parent, span.context.trace_id != delivery.trace_id) == (None, True)
        assert [(link.context.trace_id, link.context.span_id) for link in span.links] == [(delivery.trace_id, span_id)]
