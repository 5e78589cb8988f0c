"""The broker that subscriptions write to: how it is reached, and what it can do."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

from pathline_gateway.kafka import client_config
from pathline_gateway.kafka.broker_capabilities import Capabilities, probe_broker
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka.client_lifetime import start_client, stop_client

REQUEST_TIMEOUT_MS: Final = 10_000


@dataclass
class OutBroker:
    """One for a process."""

    settings: Settings
    _capabilities: Capabilities | None = None
    """What it can do, once it was asked."""
    options: Mapping[str, Any] = field(init=False, repr=False)
    """aiokafka's keyword arguments."""

    def __post_init__(self) -> None:
        self.options = client_config.client_options(client_config.out_access(self.settings))

    @property
    def user(self) -> str | None:
        """Its name for this gateway."""
        return client_config.out_access(self.settings).user

    async def capabilities(self) -> Capabilities:
        """What it can do; asked once. Raises KafkaError where it does not answer."""
        if self._capabilities is None:
            self._capabilities = await probe_broker(self.options)
        return self._capabilities

    async def has_transactions(self) -> bool:
        """Whether records are written in transactions. Raises KafkaError."""
        chosen = self.settings.kafka_out_transactions
        return (await self.capabilities()).transactions if chosen == "auto" else chosen == "on"

    async def is_protected(self) -> bool:
        """Whether it gives rights to each reader, and refuses everybody else. Raises KafkaError."""
        return (await self.capabilities()).access_control

    @property
    def may_be_open(self) -> bool:
        """Whether topics may be written where everybody who reaches the broker reads them."""
        return self.settings.kafka_out_open or self.settings.dev_auth == "off"

    @property
    def can_grant(self) -> bool:
        """Whether the client is installed that makes rights."""
        return find_spec("confluent_kafka") is not None

    def principal(self, name: str) -> str:
        """What the broker calls the reader of this name."""
        return self.settings.kafka_out_principal.format(name=name)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A client for topics and positions, as long as the block lasts. Raises KafkaError."""
        client = AIOKafkaAdminClient(**self.options, request_timeout_ms=REQUEST_TIMEOUT_MS)
        await start_client(client, client.close)
        try:
            yield client
        finally:
            await stop_client(client.close)
