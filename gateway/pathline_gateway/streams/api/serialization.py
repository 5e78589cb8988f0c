"""A subscription, as it is shown to whose it is."""

from __future__ import annotations

from typing import Any

import asyncpg

from pathline import instant
from pathline_gateway.streams.kafka import topic_repository
from pathline_gateway.streams.kafka.topic_repository import TopicRow
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import sink_repository


async def serialize_subscription(
    connection: asyncpg.Connection, subscription: Subscription, **extra: str
) -> dict[str, Any]:
    """What it wants, how it receives, and how many events it was given; never its secret."""
    fields = {**_serialize_fields(subscription), **extra}
    if subscription.protocol == "HTTP":
        fields["sink"] = await sink_repository.find_url(connection, subscription.id)
    elif subscription.protocol == "KAFKA":
        topic = await topic_repository.find(connection, subscription.id)
        if topic is not None:
            fields["config"] |= _serialize_topic(topic)
    return fields


def _serialize_topic(topic: TopicRow) -> dict[str, Any]:
    return {
        "topic": topic.topic,
        "principal": topic.principal,
        "partitions": topic.partitions,
        "retention_hours": topic.retention_hours,
    }


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
