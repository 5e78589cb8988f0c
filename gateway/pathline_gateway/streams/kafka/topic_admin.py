"""Makes topics as they are wanted, and deletes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from pathline_gateway.streams.kafka.out_broker import OutBroker

DEFAULT_MAX_MESSAGE_BYTES: Final = 1_048_588
"""What Kafka takes where nothing is said."""
_MS_PER_HOUR: Final = 3_600_000


async def ensure_topic(broker: OutBroker, topic: str, partitions: int, retention_hours: int) -> None:
    """The topic is there, and keeps its records so long. Raises KafkaError."""
    configs = {"cleanup.policy": "delete", "retention.ms": str(retention_hours * _MS_PER_HOUR)}
    async with broker.admin() as admin:
        wanted = NewTopic(topic, partitions, broker.settings.replication_factor, topic_configs=configs)
        response = await admin.create_topics([wanted])
        (code,) = [error[1] for error in response.topic_errors]
        if code == TopicAlreadyExistsError.errno:
            code = await _alter(admin, topic, configs)
        if code:
            raise for_code(code)


async def _alter(admin: AIOKafkaAdminClient, topic: str, configs: Mapping[str, str]) -> int:
    """The error of changing a topic that is there; none where the broker knows no such change, as the embedded one."""
    try:
        responses = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    except IncompatibleBrokerVersion:
        return 0
    return next((error[0] for each in responses for error in each.resources if error[0]), 0)


async def max_message_bytes(broker: OutBroker, topic: str) -> int:
    """The largest batch that the topic takes; Kafka's default where the broker does not tell."""
    try:
        async with broker.admin() as admin:
            responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    except (KafkaError, NotImplementedError):
        return DEFAULT_MAX_MESSAGE_BYTES
    entries = {entry[0]: entry[1] for each in responses for resource in each.resources for entry in resource[4]}
    told = entries.get("max.message.bytes")
    return int(told) if told else DEFAULT_MAX_MESSAGE_BYTES


async def delete_topic(broker: OutBroker, topic: str) -> None:
    """There is no such topic. Raises KafkaError."""
    async with broker.admin() as admin:
        response = await admin.delete_topics([topic])
    for _, code, *_ in response.topic_error_codes:
        if code not in (0, UnknownTopicOrPartitionError.errno):
            raise for_code(code)
