"""A topic's id, which aiokafka does not ask for: Kafka's Metadata request in its first version that has it, 10."""

from __future__ import annotations

from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_ID: Final = (("id_high", Int64), ("id_low", Int64))
_TAGS: Final = ("tags", TaggedFields)
_NODES: Final = CompactArray(Int32)

_BROKER: Final = (("node", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), _TAGS)
_PARTITION: Final = (
    ("error", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", _NODES),
    ("in_sync", _NODES),
    ("offline", _NODES),
    _TAGS,
)
_TOPIC: Final = (
    ("error", Int16),
    ("name", CompactString()),
    *_ID,
    ("internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("operations", Int32),
    _TAGS,
)


class _Described(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster", CompactString()),
        ("controller", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("operations", Int32),
        _TAGS,
    )


class _Describe(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Described
    SCHEMA = Schema(
        ("topics", CompactArray(*_ID, ("name", CompactString()), _TAGS)),
        ("make_missing", Boolean),
        ("cluster_operations", Boolean),
        ("topic_operations", Boolean),
        _TAGS,
    )


class _DescribeTopic(Request[_Describe]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_Describe]) -> _Describe:
        return request_struct_class([(0, 0, self._topic, {})], False, False, False, {})


async def topic_id(client: dict[str, Any], topic: str) -> tuple[int, int]:
    """The id of a topic that exists, as two halves; (0, 0) from a broker that gives none."""
    kafka = AIOKafkaClient(**client)
    await kafka.bootstrap()
    try:
        answer = await kafka.send(kafka.get_random_node(), _DescribeTopic(topic))
    finally:
        await kafka.close()
    (found,) = answer.to_object()["topics"]
    assert (found["error"], found["name"]) == (0, topic)
    return found["id_high"], found["id_low"]
