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
        self, url: str, message: WebhookMessage, signing_secrets: list[str], failed_count: int = 0
    ) -> AttemptResult:
        """How the sink took this. It is looked at again whether it may have it: settings change, and so do names."""
        now = self.now()
        try:
            headers = message.headers(signing_secrets, now, self.origin, failed_count)
            response = await self.http_client.send(
                "POST", parse_sink(url, private=self.allow_private), headers, message.body
            )
        except WrongSink:
            return classify_failure("address-refused")
        except NoAnswer as error:
            return classify_failure(error.reason, error.seconds)
        retry_after = response.headers.get("retry-after")
        return classify_response(response.status, retry_after, now, self.policy.retry_after_cap_s, response.seconds)
