"""The AsyncAPI document of this gateway."""

from __future__ import annotations

from pathline import asyncapi
from pathline.asyncapi import Deployment, Json
from pathline.schema import schemas
from pathline_gateway.intake.http_ingest import DOOR_TOPIC
from pathline_gateway.settings import Settings


def build_document(settings: Settings) -> Json:
    """What is published to this gateway's topics, and under which group it takes it in."""
    return asyncapi.document(schemas(), build_deployment(settings))


def build_deployment(settings: Settings) -> Deployment:
    """What publishers are told of the broker: how this gateway reaches it is nobody's business but on one machine."""
    brokers = settings.kafka_for_publishers or (settings.kafka if settings.dev_auth == "off" else "")
    return Deployment(
        brokers=tuple(host for part in brokers.split(",") if (host := part.strip())),
        security=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        group=settings.group,
        door_topic=DOOR_TOPIC,
    )
