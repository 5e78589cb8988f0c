"""How Postgres and the broker are asked whether they are there: each by a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from pathline_gateway.dependency_health.monitor import PROBE_TIMEOUT_S, Component


@dataclass
class PostgresProbe:
    """Asks for a row."""

    address: str
    component: Component = "Postgres"
    _connection: asyncpg.Connection | None = None

    async def check(self) -> None:
        """It answered."""
        if self._connection is None or self._connection.is_closed():
            server_settings = {"application_name": "pathline-gateway health"}
            self._connection = await asyncpg.connect(
                self.address, timeout=PROBE_TIMEOUT_S, server_settings=server_settings
            )
        await self._connection.fetchval("select 1")

    async def close(self) -> None:
        """Drops the connection, and waits for nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


@dataclass
class BrokerProbe:
    """Asks for the names of the topics."""

    options: Mapping[str, Any]
    component: Component = "The broker"
    _client: AIOKafkaAdminClient | None = None

    async def check(self) -> None:
        """It answered."""
        if self._client is None:
            client = AIOKafkaAdminClient(**self.options, request_timeout_ms=int(PROBE_TIMEOUT_S * 1_000))
            try:
                await client.start()
            except BaseException:
                _closing_tasks.add(task := asyncio.create_task(client.close()))
                task.add_done_callback(_closing_tasks.discard)
                raise
            self._client = client
        await self._client.list_topics()

    async def close(self) -> None:
        """Nothing is waited for: what the client still has to say to a broker that is gone goes on beside."""
        client, self._client = self._client, None
        if client is not None:
            _closing_tasks.add(task := asyncio.create_task(client.close()))
            task.add_done_callback(_closing_tasks.discard)


_closing_tasks: set[asyncio.Task[None]] = set()
