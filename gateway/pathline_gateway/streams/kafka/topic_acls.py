"""Who may read a topic: rights for one reader, each for a literal name. A right by prefix would reach other names, too.

It needs `pathline-gateway[acls]`: aiokafka has no call that makes rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, Protocol

from pathline_gateway.kafka import client_config
from pathline_gateway.streams.kafka.out_broker import OutBroker

_TIMEOUT_S: Final = 10.0
Right = tuple[str, str]
"""Kind of resource and operation, as Kafka names them."""
_READER_RIGHTS: Final[Collection[Right]] = (("TOPIC", "READ"), ("TOPIC", "DESCRIBE"), ("GROUP", "READ"))


class RightsRefused(Exception):
    """The broker does not let this gateway give rights, or does not answer."""

    reason = "rights-refused"


class TopicRights(Protocol):
    """Who may read which topic, at one broker."""

    async def grant(self, topic: str, principal: str) -> None:
        """This principal may read the topic, in the group of the same name; nobody else may. Raises RightsRefused."""

    async def revoke(self, topic: str) -> None:
        """Nobody may read it. Raises RightsRefused."""


class LibrdkafkaRights:
    """Rights by the administrator's client of librdkafka."""

    def __init__(self, broker: OutBroker) -> None:
        from confluent_kafka.admin import AdminClient

        access = client_config.out_access(broker.settings)
        self._client = AdminClient({**client_config.librdkafka_options(access), "log_level": 0})

    async def grant(self, topic: str, principal: str) -> None:
        """See `TopicRights.grant`."""
        await self._revoke(topic, keep=principal)
        wanted = [_binding(kind, topic, principal, operation) for kind, operation in _READER_RIGHTS]
        await _finish(self._client.create_acls(wanted, request_timeout=_TIMEOUT_S))

    async def revoke(self, topic: str) -> None:
        """See `TopicRights.revoke`."""
        await self._revoke(topic, keep=None)

    async def _revoke(self, topic: str, keep: str | None) -> None:
        from confluent_kafka.admin import AclBindingFilter

        for kind in ("TOPIC", "GROUP"):
            any_reader = _binding(kind, topic, None, "ANY", AclBindingFilter, permission="ANY")
            (found,) = await _finish({"": self._client.describe_acls(any_reader, request_timeout=_TIMEOUT_S)})
            others = {each.principal for each in found} - {keep}
            filters = [_binding(kind, topic, other, "ANY", AclBindingFilter, permission="ANY") for other in others]
            if filters:
                await _finish(self._client.delete_acls(filters, request_timeout=_TIMEOUT_S))


def _binding(
    kind: str, name: str, principal: str | None, operation: str, of: Any = None, permission: str = "ALLOW"
) -> Any:
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    cls: Any = of or AclBinding
    return cls(
        ResourceType[kind],
        name,
        ResourcePatternType.LITERAL,
        principal,
        "*" if of is None else None,
        AclOperation[operation],
        AclPermissionType[permission],
    )


async def _finish(futures: Mapping[Any, Future[Any]]) -> list[Any]:
    """What each of them came to."""
    from confluent_kafka import KafkaException

    try:
        return list(await asyncio.gather(*_awaited(futures.values())))
    except (KafkaException, TimeoutError) as error:
        raise RightsRefused from error


def _awaited(futures: Iterable[Future[Any]]) -> list[asyncio.Future[Any]]:
    return [asyncio.wrap_future(each) for each in futures]
