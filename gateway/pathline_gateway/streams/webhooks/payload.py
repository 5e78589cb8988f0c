"""The body that is posted to a sink: one CloudEvent, signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTrace
from pathline_gateway.streams.dispatch.gateway_events import canary_event, delivery_name, withheld_event
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks.signature import signatures

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A request's own id, the same whenever it is sent again, and its body."""

    id: str
    body: bytes
    trace: DeliveryTrace
    """Of the delivery; each request is a span of it."""
    org: str
    """Whose subscription it is."""

    def headers(
        self, signing_secrets: Sequence[str], now: datetime, origin: str, traceparent: str, failed_count: int = 0
    ) -> Mapping[str, str]:
        """Signed with these; `failed_count`: how many events of the subscription were given up, told where there are
        any.
        """
        timestamp = int(now.timestamp())
        headers = {
            "content-type": MEDIA_TYPE,
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(signing_secrets, self.id, timestamp, self.body),
            "webhook-request-origin": origin,
            "user-agent": "pathline-gateway",
            "traceparent": traceparent,
        }
        return headers if failed_count == 0 else {**headers, "pathline-failures": str(failed_count)}


def build_message(
    subscription: Subscription, number: int, event: Mapping[str, Any] | None, trace: DeliveryTrace
) -> WebhookMessage:
    """The event of this number; a marker in its place where it is withheld, or stored no more."""
    if event is None or "withheld" in event:
        event = withheld_event(subscription, number)
    return WebhookMessage(delivery_name(subscription, number), orjson.dumps(event), trace, subscription.org)


def build_canary(subscription: UUID, org: str, id: str, now: datetime, trace: DeliveryTrace) -> WebhookMessage:
    """An event that says nothing of anybody."""
    event = canary_event(subscription, id, now)
    return WebhookMessage(event["id"], orjson.dumps(event), trace, org)
