"""Sends one request to a sink, and asks whether it wants any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, classify_failure, classify_response
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.sink_url import WrongSink, parse_sink
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.streams.webhooks.request_span import RequestSpan
from pathline_gateway.streams.webhooks.verification import SinkRefused, verify_sink
from pathline_gateway.web.problem import Problem


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends the requests of one process to sinks."""

    http_client: WebhookHttpClient
    policy: DeliveryPolicy
    now: Callable[[], datetime]
    """When requests are sent, and tried again."""
    origin: str
    """By what name sinks know this gateway."""
    allow_private: bool
    """Sinks may be in one's own network, and on this machine."""

    async def verify(self, url: str) -> int | None:
        """How many requests a minute the sink allows that was just asked; None: any number. Raises Problem."""
        try:
            return await verify_sink(self.http_client, parse_sink(url, private=self.allow_private), self.origin)
        except WrongSink as error:
            raise Problem(422, "malformed-sink", f"sink: {error}") from None
        except SinkRefused as refusal:
            raise Problem(422, refusal.reason, refusal.detail) from None

    async def post(
        self,
        url: str,
        message: WebhookMessage,
        signing_secrets: list[str],
        failed_count: int = 0,
        attempts: int = 0,
    ) -> AttemptResult:
        """How the sink took this. It is looked at again whether it may have it: settings change, and so do names.

        `attempts`: how often it was sent before. Each is a span of its own, in the trace of the delivery.
        """
        now, span = self.now(), RequestSpan.begin(message, attempts)
        headers = message.headers(signing_secrets, now, self.origin, span.traceparent, failed_count)
        try:
            sink = parse_sink(url, private=self.allow_private)
        except WrongSink:
            result = classify_failure("address-refused")
            span.record(None, result)
            return result
        status: int | None = None
        try:
            response = await self.http_client.send("POST", sink, headers, message.body)
        except NoAnswer as error:
            result = classify_failure(error.reason, error.seconds)
        else:
            status, retry_after = response.status, response.headers.get("retry-after")
            result = classify_response(status, retry_after, now, self.policy.retry_after_cap_s, response.seconds)
        span.record(sink, result, status)
        return result
