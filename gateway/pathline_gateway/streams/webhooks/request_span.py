"""The span of one request to a sink, by the semantic conventions of HTTP clients.

A URL of a sink may hold a secret: its path and query are not recorded.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from pathline_gateway.streams.dispatch.delivery_spans import publisher_links
from pathline_gateway.streams.dispatch.delivery_trace import traceparent
from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, Disposition
from pathline_gateway.streams.webhooks.http_client.sink_url import Sink
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.telemetry.instruments import DELIVERY_SPANS

_METHOD: Final = "POST"


@dataclass(frozen=True, slots=True)
class RequestSpan:
    """A span that has begun, and has no parent. What the sink does for the request may be below it."""

    message: WebhookMessage
    attempts: int
    """How often the message was sent before."""
    span_id: int
    is_sampled: bool
    started_at: int
    """In nanoseconds since 1970."""

    @classmethod
    def begin(cls, message: WebhookMessage, attempts: int) -> RequestSpan:
        """The first request is the span that the event itself names; each later one is another of its trace."""
        span_id = message.trace.span_id if attempts == 0 else secrets.randbits(64) or 1
        return cls(message, attempts, span_id, DELIVERY_SPANS.is_sampled(message.trace.trace_id), time.time_ns())

    @property
    def traceparent(self) -> str:
        """The header of the request."""
        return traceparent(self.message.trace.trace_id, self.span_id, is_sampled=self.is_sampled)

    def record(self, sink: Sink | None, result: AttemptResult, status: int | None = None) -> None:
        """It has ended so. `sink`: None where none may be at the URL. `status`: None where there was no answer."""
        if not self.is_sampled:
            return
        optional: dict[str, AttributeValue | None] = {
            "server.address": None if sink is None else sink.server.name,
            "server.port": None if sink is None else sink.server.port,
            "http.response.status_code": status,
            "http.request.resend_count": self.attempts or None,
        }
        DELIVERY_SPANS.record_span(
            _METHOD,
            (self.message.trace.trace_id, self.span_id),
            (self.started_at, time.time_ns()),
            {
                "http.request.method": _METHOD,
                "pathline.organisation": self.message.org,
                **{name: value for name, value in optional.items() if value is not None},
            },
            publisher_links(self.message.trace),
            kind=SpanKind.CLIENT,
            error=None if result.disposition is Disposition.DELIVERED else result.reason,
        )
