"""`publish` sends an interaction to its organisation's topic, through `KafkaProducer` or any other producer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from pathline import tracing
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.interaction import Interaction, organisation_of

TOPIC_PREFIX = "pathline.in."
"""Topics that the gateway takes interactions from begin so; the organisation's code follows."""


class Producer(Protocol):
    """What publishing needs of a Kafka client: aiokafka through `pathline.kafka`, or your own few lines."""

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Returns when the broker has the record and will not forget it; raises otherwise."""
        ...


def topic_of(source: str) -> str:
    """The topic that the organisation of this source writes to."""
    return TOPIC_PREFIX + organisation_of(source)


async def publish(producer: Producer, interaction: Interaction[Any], *, topic: str | None = None) -> None:
    """The broker has the interaction: in binary mode, keyed by its subject, with the current trace context.

    Publishing the same interaction again changes nothing, so after an error simply call again.
    """
    event = with_trace_context(interaction.event)
    headers, value = kafka.encode(event)
    await producer.send(
        topic or topic_of(interaction.source), key=interaction.subject.encode(), value=value, headers=headers
    )


def with_trace_context(event: CloudEvent) -> CloudEvent:
    """The event with the trace context of the current span, unless it has one: the starting trace is never replaced."""
    if "traceparent" in event.attributes:
        return event
    context = tracing.current_trace_context()
    return replace(event, attributes={**event.attributes, **context}) if context else event
