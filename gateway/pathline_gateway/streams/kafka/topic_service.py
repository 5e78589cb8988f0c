"""What the endpoints of subscriptions do with topics: who may have one, and what it is called."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pathline_gateway.streams.dispatch.gateway_events import canary_event
from pathline_gateway.streams.kafka import topic_repository
from pathline_gateway.streams.kafka.client_lifetime import start_client, stop_client
from pathline_gateway.streams.kafka.out_broker import REQUEST_TIMEOUT_MS, OutBroker
from pathline_gateway.streams.kafka.record import build_record
from pathline_gateway.streams.kafka.topic_names import WrongPrincipal, check_reader, topic_name
from pathline_gateway.streams.kafka.worker_pool import failure_reason
from pathline_gateway.web.problem import Problem

_DEFAULT_PARTITIONS: Final = 3
_DEFAULT_RETENTION_HOURS: Final = 168


class TopicWish(NamedTuple):
    """The topic that a subscription is to have."""

    principal: str | None
    partitions: int
    retention_hours: int


class CanaryOutcome(NamedTuple):
    """How the broker took a canary."""

    reason: str
    seconds: float


@dataclass(frozen=True)
class TopicService:
    """One for a process."""

    broker: OutBroker
    wake_keeper: Callable[[], None] = lambda: None
    """A topic is wanted, changed or to be removed."""

    async def check(self, org: str, principal: str | None, partitions: int | None, hours: int | None) -> TopicWish:
        """What is wished may be had. Raises Problem."""
        try:
            is_protected = await self.broker.is_protected()
        except KafkaError:
            raise Problem(503, "broker-unavailable", "the broker of topics does not answer") from None
        if not is_protected and not self.broker.may_be_open:
            raise Problem(
                503,
                "topics-unprotected",
                "the broker enforces no rights: everybody who reaches it would read the topic",
            )
        if is_protected and not self.broker.can_grant:
            raise Problem(
                503, "rights-unavailable", "the gateway cannot give rights at the broker: it lacks the client"
            )
        try:
            name = check_reader(org, principal or org, self.broker.user)
        except WrongPrincipal as error:
            raise Problem(422, "malformed-principal", f"config.principal: {error}") from None
        return TopicWish(name, partitions or _DEFAULT_PARTITIONS, hours or _DEFAULT_RETENTION_HOURS)

    async def create(self, connection: asyncpg.Connection, subscription: UUID, wish: TopicWish) -> None:
        """The subscription has its topic; the broker is told once this is committed."""
        await topic_repository.create(connection, subscription, topic_name(subscription), *wish)

    async def send_canary(self, subscription: UUID, now: datetime) -> CanaryOutcome:
        """A record that says nothing of anybody is in the topic, or why not."""
        record = build_record(canary_event(subscription, secrets.token_hex(8), now))
        began = time.monotonic()
        client = AIOKafkaProducer(**self.broker.options, acks="all", request_timeout_ms=REQUEST_TIMEOUT_MS)
        reason = "delivered"
        try:
            await start_client(client, client.stop)
            try:
                await client.send_and_wait(topic_name(subscription), record.value, headers=record.headers)
            finally:
                await stop_client(client.stop)
        except KafkaError as error:
            reason = failure_reason(error)
        return CanaryOutcome(reason, time.monotonic() - began)
