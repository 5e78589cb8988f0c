"""A subscription, as it is shown to whose it is."""

from __future__ import annotations

from typing import Any

import asyncpg

from pathline import instant
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import endpoint_repository


async def served(connection: asyncpg.Connection, found: Subscription, **more: str) -> dict[str, Any]:
    """What it wants, how it receives, and how many events it was given; never its secret."""
    sink = await endpoint_repository.url(connection, found.id) if found.protocol == "HTTP" else None
    return {**_served(found), **({} if sink is None else {"sink": sink}), **more}


def _served(found: Subscription) -> dict[str, Any]:
    config = {"organisation": found.org, "purpose": found.purpose, "authority": found.authority}
    return {
        "id": str(found.id),
        "protocol": found.protocol,
        "config": {name: value for name, value in config.items() if value is not None},
        "filters": list(found.filters),
        "paused": found.paused,
        "created": instant.serve(found.created_at),
        "count": found.last_number,
    }
