"""Asks a sink before anything is posted to it (CloudEvents: HTTP 1.1 Web Hooks, abuse protection)."""

from __future__ import annotations

from typing import Final

from pathline_gateway.streams.webhooks.attempt_result import public_reason
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.connection import HttpAnswer
from pathline_gateway.streams.webhooks.http_client.sink_url import Sink

_REQUESTED_RATE: Final = 60_000
"""Requests a minute: more than a sink is ever sent."""
_MAX_RATE: Final = 2**31 - 1


class SinkRefused(Exception):
    """The sink does not want events. `reason` is stable; nothing that it wrote is repeated."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


async def verify_sink(http_client: WebhookHttpClient, sink: Sink, origin: str) -> int | None:
    """How many requests a minute the sink allows; None: any number. Raises SinkRefused."""
    headers = {"webhook-request-origin": origin, "webhook-request-rate": str(_REQUESTED_RATE)}
    try:
        response = await http_client.send("OPTIONS", sink, headers)
    except NoAnswer as error:
        raise SinkRefused("sink-not-reached", f"sink: did not answer OPTIONS ({public_reason(error.reason)})") from None
    if not 200 <= response.status < 300:
        raise SinkRefused("sink-refused", f"sink: answered OPTIONS with {response.status}; it must answer 2xx")
    if response.headers.get("webhook-allowed-origin", "").strip().lower() not in ("*", origin.lower()):
        raise SinkRefused(
            "sink-refused", f"sink: its answer to OPTIONS must have the header WebHook-Allowed-Origin: {origin}, or *"
        )
    return _parse_allowed_rate(response)


def _parse_allowed_rate(response: HttpAnswer) -> int | None:
    header = response.headers.get("webhook-allowed-rate", "*").strip()
    if not (header.isascii() and header.isdecimal()):
        return None
    rate = int(header[:12])
    if rate == 0:
        raise SinkRefused("sink-refused", "sink: allows no request (WebHook-Allowed-Rate: 0)")
    return min(rate, _MAX_RATE)
