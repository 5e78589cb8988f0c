"""Asks an endpoint before anything is posted to it (CloudEvents: HTTP 1.1 Web Hooks, abuse protection)."""

from __future__ import annotations

from typing import Final

from pathline_gateway.streams.webhooks.attempt_result import outward
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.connection import HttpAnswer
from pathline_gateway.streams.webhooks.http_client.endpoint_url import Sink

_ASKED_RATE: Final = 60_000
"""Requests a minute: more than a sink is ever sent."""
_MOST_RATE: Final = 2**31 - 1


class SinkRefused(Exception):
    """The sink does not want events. `reason` is stable; nothing that it wrote is repeated."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


async def shake_hands(poster: WebhookHttpClient, sink: Sink, origin: str) -> int | None:
    """How many requests a minute the sink allows; None: any number. Raises SinkRefused."""
    asked = {"webhook-request-origin": origin, "webhook-request-rate": str(_ASKED_RATE)}
    try:
        answer = await poster.send("OPTIONS", sink, asked)
    except NoAnswer as failed:
        raise SinkRefused("sink-not-reached", f"sink: did not answer OPTIONS ({outward(failed.reason)})") from None
    if not 200 <= answer.status < 300:
        raise SinkRefused("sink-refused", f"sink: answered OPTIONS with {answer.status}; it must answer 2xx")
    if answer.headers.get("webhook-allowed-origin", "").strip().lower() not in ("*", origin.lower()):
        raise SinkRefused(
            "sink-refused", f"sink: its answer to OPTIONS must have the header WebHook-Allowed-Origin: {origin}, or *"
        )
    return _rate(answer)


def _rate(answer: HttpAnswer) -> int | None:
    said = answer.headers.get("webhook-allowed-rate", "*").strip()
    if not (said.isascii() and said.isdecimal()):
        return None
    rate = int(said[:12])
    if rate == 0:
        raise SinkRefused("sink-refused", "sink: allows no request (WebHook-Allowed-Rate: 0)")
    return min(rate, _MOST_RATE)
