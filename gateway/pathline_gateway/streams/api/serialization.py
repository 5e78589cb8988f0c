"""A subscription, as it is shown to whose it is."""

from __future__ import annotations

from typing import Any

import asyncpg

from pathline import instant
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import sink_repository


async def serialize_subscription(
    connection: asyncpg.Connection, subscription: Subscription, **extra: str
) -> dict[str, Any]:
    """What it wants, how it receives, and how many events it was given; never its secret."""
    sink = await sink_repository.find_url(connection, subscription.id) if subscription.protocol == "HTTP" else None
    return {**_serialize_fields(subscription), **({} if sink is None else {"sink": sink}), **extra}


def _serialize_fields(subscription: Subscription) -> dict[str, Any]:
    config = {
        "organisation": subscription.org,
        "purpose": subscription.purpose,
        "authority": subscription.authority,
        "payload": subscription.payload,
    }
    return {
        "id": str(subscription.id),
        "protocol": subscription.protocol,
        "config": {name: value for name, value in config.items() if value is not None},
        "filters": list(subscription.filters),
        "paused": subscription.is_paused,
        "created": instant.to_text(subscription.created_at),
        "count": subscription.last_number,
    }
