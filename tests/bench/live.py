"""One gateway that stays up, for everything that is measured while people use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from bench.contestant import GATEWAY, peak_rss_bytes, started
from bench.gateway_process import free_port, gateway_command, gateway_environment
from bench.machine import Machine

_PATIENCE_S = 120


@dataclass
class Live:
    """A gateway that has caught up, and its database."""

    url: str
    database: str
    kafka: str
    group: str
    """Its consumer group."""
    pid: int

    async def stored(self) -> int:
        """Interactions that everybody sees."""
        connection = await asyncpg.connect(self.database)
        try:
            return int(await connection.fetchval(GATEWAY.committed))
        finally:
            await connection.close()

    async def until_stored(self, n: int) -> None:
        """So many interactions are committed. Raises TimeoutError when no progress leads there."""
        connection = await asyncpg.connect(self.database)
        try:
            seen, waited = -1, 0.0
            while (now := int(await connection.fetchval(GATEWAY.committed))) < n:
                waited = waited + 0.01 if now == seen else 0.0
                seen = now
                if waited > _PATIENCE_S:
                    raise TimeoutError(f"{now} of {n} interactions are stored, and no more come")
                await asyncio.sleep(0.01)
        finally:
            await connection.close()

    def peak_rss_bytes(self) -> int:
        """The most memory that the gateway ever had."""
        return peak_rss_bytes(self.pid)


_ROOM = {"PATHLINE_LIMIT_HANDOFF_EVENTS_OF_RECORD": "10000", "PATHLINE_PULL_CACHE_MB": "1"}
"""Pathways of 10,000 steps are made up here, with more offers than any person ever has. And few bodies are kept: pulls
that read their steps are measured, and beside them pulls of bodies that are kept."""


@asynccontextmanager
async def live(machine: Machine, database: str, log: Path) -> AsyncIterator[Live]:
    """It answers `/readyz` until the block ends."""
    port = free_port()
    group = f"bench-{uuid4()}"
    environment = {**gateway_environment(machine.kafka, database, group), **_ROOM}
    async with started(gateway_command(port), environment, log) as process:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(_PATIENCE_S):
            while not await _ready(http):
                if process.poll() is not None:
                    raise RuntimeError(f"the gateway ended: {log.read_text()[-600:]}")
                await asyncio.sleep(0.02)
        yield Live(url, database, machine.kafka, group, process.pid)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
