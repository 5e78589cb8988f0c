"""Writers of topics at work on the database of a gateway, and what readers of the topics have."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer

from pathline.codec.kafka import decode
from pathline_gateway.auth.caller import Caller
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from pathline_gateway.kafka.broker_capabilities import Capabilities
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.topic_keeper import TopicKeeper
from pathline_gateway.streams.kafka.worker_pool import TopicWorkerPool
from pathline_gateway.streams.kafka.write_context import WriteContext, WritePolicy
from support.gateways.routes import SECRET, GatewayRoutes

QUICK = WritePolicy(lease_s=4, linger_s=0.5, poll_s=0.05)


@dataclass
class TopicRig:
    """A keeper and writers, which a test may stop and start."""

    gateway: GatewayRoutes
    broker: OutBroker
    health: Health
    keeper: TopicKeeper
    pools: list[TopicWorkerPool] = field(default_factory=list)


@contextlib.asynccontextmanager
async def run_topic_workers(
    gateway: GatewayRoutes,
    settings: Settings,
    policy: WritePolicy = QUICK,
    capabilities: Capabilities | None = None,
    *,
    auth_disabled: bool = True,
) -> AsyncIterator[TopicRig]:
    """Topics are kept and written as long as the block lasts."""
    async with asyncpg.create_pool(gateway.database, min_size=1, max_size=6) as pool:
        out_broker, health = OutBroker(settings, capabilities), Health()
        context = WriteContext(pool, SECRET, lambda: gateway.now, out_broker, auth_disabled, policy=policy)
        workers = TopicWorkerPool(context, health)
        keeper = TopicKeeper(pool, out_broker, workers.wake_all, look_again=timedelta(seconds=0.2))
        keeper_loop = keeper.loop._replace(interval_s=0.05)
        target = (_Nobody(), workers.wake)
        gateway.push_targets.append(target)
        try:
            async with supervised(keeper_loop, health), supervised(workers.loop, health):
                yield TopicRig(gateway, out_broker, health, keeper, [workers])
        finally:
            gateway.push_targets.remove(target)


class _Nobody:
    """Is handed nothing: writers of topics read what they write."""

    has_waiting = False

    async def prepare_push(self, *_: object) -> list[Any]:
        return []


def second_policy(**changed: Any) -> WritePolicy:
    return replace(QUICK, **changed)


async def subscribe_by_topic(
    gateway: GatewayRoutes, by: Caller, org: str, *filters: Any, **config: Any
) -> dict[str, Any]:
    """The subscription as it was answered."""
    wanted = {
        "protocol": "KAFKA",
        "config": {"organisation": org, "purpose": "care", **config},
        "filters": list(filters),
    }
    answer = await gateway.request(by, "POST", "/v1/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


class TopicReader:
    """Reads a topic from its beginning, as a reader does who sees only what was committed."""

    def __init__(self, options: Mapping[str, Any], topic: str, group: str | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.records: list[Any] = []
        self._consumer = AIOKafkaConsumer(
            topic,
            **options,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            metadata_max_age_ms=500,
        )

    async def __aenter__(self) -> TopicReader:
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def until(self, count: int, seconds: float = 40) -> list[dict[str, Any]]:
        """So many events, in the order in which they came."""
        async with asyncio.timeout(seconds):
            while len(self.events) < count:
                found = await self._consumer.getmany(timeout_ms=200)
                self._take(found)
        return self.events

    async def drain(self, seconds: float = 1.0) -> list[dict[str, Any]]:
        """All that comes, until nothing has for so long."""
        while found := await self._consumer.getmany(timeout_ms=int(seconds * 1_000)):
            self._take(found)
        return self.events

    def _take(self, found: Mapping[Any, list[Any]]) -> None:
        for records in found.values():
            for record in records:
                self.records.append(record)
                event = decode(record.headers, record.value)
                self.events.append({**event.attributes, "data": event.data})


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["number"]) for event in events]
