"""The body that is posted to a sink: one CloudEvent, signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from pathline import instant
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks.signature import signatures

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_SOURCE: Final = "urn:pathline:gateway"
_WITHHELD: Final = "org.pathline.event.withheld.v1"
_CANARY: Final = "org.pathline.canary.v1"


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A request's own id, the same whenever it is sent again, and its body."""

    id: str
    body: bytes

    def headers(
        self, signing_secrets: Sequence[str], now: datetime, origin: str, failed_count: int = 0
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
        }
        return headers if failed_count == 0 else {**headers, "pathline-failures": str(failed_count)}


def build_message(subscription: Subscription, number: int, event: Mapping[str, Any] | None) -> WebhookMessage:
    """The event of this number; a marker in its place where it is withheld, or stored no more."""
    series = {} if subscription.series == 1 else {"series": subscription.series}
    name = f"{subscription.replay_of}-{subscription.prefix}" if series else str(subscription.id)
    id = f"{name}-{number}"
    if event is None or "withheld" in event:
        event = {"specversion": "1.0", "id": id, "source": _SOURCE, "type": _WITHHELD, "number": number, **series}
    return WebhookMessage(id, orjson.dumps(event))


def build_canary(subscription: UUID, id: str, now: datetime) -> WebhookMessage:
    """An event that says nothing of anybody."""
    event = {"specversion": "1.0", "source": _SOURCE, "type": _CANARY, "time": instant.to_text(now)}
    draft = WebhookMessage(f"{subscription}-canary-{id}", b"")
    return replace(draft, body=orjson.dumps({**event, "id": draft.id}))
