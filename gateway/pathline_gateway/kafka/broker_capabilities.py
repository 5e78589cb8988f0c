"""What the broker can do: asked once at the start, because brokers claim in their versions more than they keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import ApiVersionRequest, DeleteRecordsRequest, DescribeAclsRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

Versions = Mapping[int, int]
"""The newest version that the broker claims of each request, by the request's key."""

_METADATA: Final = 3
_DELETE_RECORDS: Final = 21
_ACL_REQUESTS: Final = frozenset({29, 30, 31})
"""Describing, making, taking back: a broker that lacks one enforces nothing, whatever it answers to the rest."""

_TRANSACTION_REQUESTS: Final = frozenset({24, 25, 26, 28})
"""Adding partitions and offsets to a transaction, its end, and the offsets themselves."""

_MIN_TOPIC_IDS_VERSION: Final = 10
_ANY: Final = 1
"""No filter, in each field of a question for rights."""

_CLUSTER_AUTHORIZATION_FAILED: Final = 31
"""CLUSTER_AUTHORIZATION_FAILED: rights are enforced, and we may not read them."""

_TIMEOUT_MS: Final = 5_000


@dataclass(frozen=True)
class Capabilities:
    """What one broker can do. Each field is what a part of Pathline, or its operator, decides by."""

    cluster_id: str
    """Another one: another log, and positions start anew."""
    durable_log: bool
    """Else 202 waits for Postgres."""
    idempotent_producers: bool
    """Else the producer's own network retries may write a record twice, and identities sort it out."""
    transactions: bool
    """Else what is written to the topics of subscriptions may come again."""
    access_control: bool
    """Else whoever reaches the broker writes to every topic."""
    topic_ids: bool
    """Else a recreated topic is known by its records alone."""
    delete_records: bool
    """Else erased records leave the log with its retention only."""

    def __str__(self) -> str:
        flags = {
            "idempotent producers": self.idempotent_producers,
            "transactions": self.transactions,
            "access control": self.access_control,
            "topic ids": self.topic_ids,
            "delete records": self.delete_records,
        }
        log = "durable" if self.durable_log else "volatile"
        flag_text = ", ".join(f"{name} {'yes' if is_supported else 'no'}" for name, is_supported in flags.items())
        return f"broker: cluster {self.cluster_id}, log {log}, {flag_text}"


async def probe_broker(options: Mapping[str, Any], *, volatile_log: bool = False) -> Capabilities:
    """What the broker behind these client arguments can do; milliseconds. Raises KafkaError when none answers.

    A volatile log is the embedded broker's. What it cannot is known, and not asked: it would panic in its own log.
    """
    client = AIOKafkaClient(**options, request_timeout_ms=_TIMEOUT_MS)
    try:
        await client.bootstrap()
        versions = await _fetch_api_versions(client)
        metadata = await _send_request(client, MetadataRequest([]))
        is_idempotent = not volatile_log and await _gives_producer_ids(client)
        return Capabilities(
            cluster_id=str(metadata.to_object()["cluster_id"]),
            durable_log=not volatile_log,
            idempotent_producers=is_idempotent,
            transactions=is_idempotent and versions.keys() >= _TRANSACTION_REQUESTS,
            access_control=versions.keys() >= _ACL_REQUESTS and await _enforces_acls(client),
            topic_ids=versions.get(_METADATA, 0) >= _MIN_TOPIC_IDS_VERSION,
            delete_records=not volatile_log and _DELETE_RECORDS in versions and await _deletes_records(client),
        )
    finally:
        await client.close()


async def _send_request(client: AIOKafkaClient, request: Any) -> Any:
    return await client.send(client.get_random_node(), request)


async def _fetch_api_versions(client: AIOKafkaClient) -> Versions:
    response = await _send_request(client, ApiVersionRequest())
    return {key: newest for key, _, newest, *_ in response.api_versions}


async def _gives_producer_ids(client: AIOKafkaClient) -> bool:
    """A broker that has only just started says "later", which is a yes."""
    try:
        code = (await _send_request(client, InitProducerIdRequest(None, _TIMEOUT_MS))).error_code
    except (KafkaError, NotImplementedError):
        return False
    return code == 0 or bool(for_code(code).retriable)


async def _enforces_acls(client: AIOKafkaClient) -> bool:
    try:
        response = await _send_request(client, DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))
    except (KafkaError, NotImplementedError):
        return False
    return response.error_code in (0, _CLUSTER_AUTHORIZATION_FAILED)


async def _deletes_records(client: AIOKafkaClient) -> bool:
    """Asked to delete nothing: a broker that cannot ends the connection."""
    try:
        await _send_request(client, DeleteRecordsRequest([], _TIMEOUT_MS))
    except (KafkaError, NotImplementedError):
        return False
    return True
