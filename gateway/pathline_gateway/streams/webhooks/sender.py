"""Sends one request to an endpoint, and asks whether it wants any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.streams.webhooks.attempt_result import AttemptResult, answered, not_answered
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.endpoint_url import WrongSink, sink
from pathline_gateway.streams.webhooks.payload import WebhookMessage
from pathline_gateway.streams.webhooks.retry_policy import Policy
from pathline_gateway.streams.webhooks.verification import SinkRefused, shake_hands
from pathline_gateway.web.problem import Problem


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """One for a process."""

    poster: WebhookHttpClient
    policy: Policy
    now: Callable[[], datetime]
    """When requests are sent, and tried again."""
    origin: str
    """By what name sinks know this gateway."""
    private: bool
    """Sinks may be in one's own network, and on this machine."""

    async def agreed(self, url: str) -> int | None:
        """How many requests a minute the sink allows that was just asked; None: any number. Raises Problem."""
        try:
            return await shake_hands(self.poster, sink(url, private=self.private), self.origin)
        except WrongSink as wrong:
            raise Problem(422, "malformed-sink", f"sink: {wrong}") from None
        except SinkRefused as refused:
            raise Problem(422, refused.reason, refused.detail) from None

    async def posted(self, url: str, said: WebhookMessage, keys: list[str], failed: int = 0) -> AttemptResult:
        """How the sink took this. It is looked at again whether it may have it: settings change, and so do names."""
        now = self.now()
        try:
            headers = said.headers(keys, now, self.origin, failed)
            answer = await self.poster.send("POST", sink(url, private=self.private), headers, said.body)
        except WrongSink:
            return not_answered("address-refused")
        except NoAnswer as failure:
            return not_answered(failure.reason, failure.seconds)
        retry_after = answer.headers.get("retry-after")
        return answered(answer.status, retry_after, now, self.policy.retry_after_cap_s, answer.seconds)
