"""`SubscriptionTopic`: typed handlers for what the gateway writes to the topic of a subscription, on FastStream.

It needs `pathline[kafka]`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from pathline.delivery import Delivery, Names, read_delivery
from pathline.errors import Refused
from pathline.vocabulary import Payload
from pathline.vocabulary.notices import Notice

_log: Final = logging.getLogger(__name__)

Content = TypeVar("Content", bound=Payload | Notice)
Handler = Callable[[Content, Names], Awaitable[None]]
"""Takes what happened, and by which names this reader knows it."""
AnyHandler = Callable[[Delivery], Awaitable[None]]


class SubscriptionTopic:
    """One subscription's topic, read in the consumer group of the same name.

    broker = KafkaBroker("host:9092")
    topic = SubscriptionTopic(broker, "pathline.out.8c…")

    @topic.on(HandoffOffered)
    async def offered(handoff: HandoffOffered, names: Names) -> None: ...

    A delivery counts as read once its handler has returned; where that raises, it comes again. So does it after a
    crash. Where that matters, remember `names.series` and `names.number`.
    """

    def __init__(self, broker: KafkaBroker, topic: str, *, group: str | None = None, **options: Any) -> None:
        """`group`: another one than the topic's, where the broker lets this reader use it. `options` go to FastStream's
        `subscriber`.
        """
        self._handlers: dict[type[Any], Handler[Any]] = {}
        self._otherwise: AnyHandler | None = None
        settings: dict[str, Any] = {
            "group_id": group or topic,
            "ack_policy": AckPolicy.NACK_ON_ERROR,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "decoder": _decode,
            **options,
        }
        self.subscriber = broker.subscriber(topic, **settings)
        """FastStream's, to which the handlers belong."""
        self.subscriber(self._handle)

    def on(self, kind: type[Content]) -> Callable[[Handler[Content]], Handler[Content]]:
        """A handler for one type of event, or of the gateway's own. Raises ValueError where the type has one."""

        def register(handler: Handler[Content]) -> Handler[Content]:
            if kind in self._handlers:
                raise ValueError(f"{kind.__name__} has a handler already")
            self._handlers[kind] = handler
            return handler

        return register

    def otherwise(self, handler: AnyHandler) -> AnyHandler:
        """A handler for whatever has none: thin events, and types that this version does not know, too."""
        self._otherwise = handler
        return handler

    # `Any`: FastStream would validate whatever else it is annotated with, and it was read already.
    async def _handle(self, told: Any) -> None:
        if not isinstance(told, Delivery):
            return
        handler = None if told.content is None else self._handlers.get(type(told.content))
        if handler is not None:
            await handler(told.content, told.names)
        elif self._otherwise is not None:
            await self._otherwise(told)


async def _decode(message: KafkaMessage) -> Delivery | None:
    """None of what is no delivery: it can never be read, and is passed over."""
    raw = message.raw_message
    assert isinstance(raw, ConsumerRecord), "one record at a time"
    try:
        return read_delivery(raw.headers, raw.value)
    except Refused as refused:
        _log.error("a record of a subscription's topic is passed over: %s", refused.reason)
        return None
