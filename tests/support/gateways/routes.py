"""The HTTP routes that readers use, on a database of their own, called as whoever a test says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI

from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.interaction import Interaction
from pathline.vocabulary import Payload
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from pathline_gateway.background.leadership import Leadership
from pathline_gateway.concealment import endpoints as concealment_endpoints
from pathline_gateway.console import handoff_pages, parked_pages, pathway_pages, review_pages, subscription_pages
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.kafka.broker_capabilities import Capabilities
from pathline_gateway.limits.table import Limits
from pathline_gateway.measure import endpoints as measure_endpoints
from pathline_gateway.parked import endpoints as parked_endpoints
from pathline_gateway.pull import access_endpoints
from pathline_gateway.pull import endpoints as pull_endpoints
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.review import endpoints as review_endpoints
from pathline_gateway.review.service import ReviewService
from pathline_gateway.settings import Settings
from pathline_gateway.streams.api import event_endpoints, replay_endpoints, subscription_endpoints, webhook_endpoints
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.dispatch.push import PushDispatcher, PushTarget
from pathline_gateway.streams.dispatch.replay_worker import Replayer
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.streams.sse.listeners import ListenerRegistry
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.visibility import (
    consent_endpoints,
    lawful_basis_endpoints,
    mandate_endpoints,
    registrar_endpoints,
)
from pathline_gateway.visibility.account_publisher import AccountPublisher
from pathline_gateway.visibility.response_time_padding import ResponseTimePadding
from pathline_gateway.web.context import AppContext
from support.gateways.application import application
from support.generators.pathways import NOW
from support.intake.history import TOPIC, Event, Partition, Record, open_log
from support.openapi_check import OpenApiCheck
from support.postgres.fresh_database import drop_database, fresh_database

NO_PADDING = ResponseTimePadding(1e-6)
SECRET = b"a secret of a test, of 32 bytes."
OPERATOR = Caller(frozenset((Role.OPERATOR,)))
AUDITOR = Caller(frozenset((Role.AUDITOR,)))


OPEN_BROKER = Capabilities("none", True, True, True, False, True, True)
"""A broker that lets everybody read: no test of routes speaks to it."""

ENDPOINTS = (
    pull_endpoints,
    access_endpoints,
    measure_endpoints,
    concealment_endpoints,
    lawful_basis_endpoints,
    registrar_endpoints,
    parked_endpoints,
    parked_pages,
    review_endpoints,
    review_pages,
    handoff_pages,
    pathway_pages,
    subscription_pages,
    webhook_endpoints,
    event_endpoints,
    replay_endpoints,
    subscription_endpoints,
    consent_endpoints,
    mandate_endpoints,
)


def subscriber(org: str) -> Caller:
    """A system of this organisation."""
    return Caller(frozenset((Role.SUBSCRIBER,)), org=org)


def citizen(account: str) -> Caller:
    """The person of this account."""
    return Caller(frozenset((Role.CITIZEN,)), account=account)


def helper(account: str) -> Caller:
    """The person of this account, for others."""
    return Caller(frozenset((Role.HELPER,)), account=account)


@dataclass
class GatewayRoutes:
    """A gateway without Kafka and without loops: its routes, on a database of its own."""

    database: str
    pool: asyncpg.Pool
    http: httpx.AsyncClient
    webhook_sender: WebhookSender
    openapi: OpenApiCheck
    """What is answered of subscriptions is held against it."""
    listeners: ListenerRegistry
    caller: Caller = AUTH_DISABLED_CALLER
    """Whose requests these are from now on."""
    now: datetime = NOW
    partition: Partition = field(default_factory=Partition)
    push_targets: list[tuple[PushTarget, Callable[[Mapping[UUID, int]], None]]] = field(default_factory=list)
    """Who is handed new deliveries, and hears that there are some."""

    async def publish(self, *events: Event | bytes) -> None:
        """It is stored and bound."""
        async with self.pool.acquire() as connection:
            await self.partition.apply(connection, *events)
        await self.bind()

    async def ingest(self, item: Interaction[Payload]) -> None:
        """As the door does: it is applied when this returns."""
        await self.deliver(item.event)

    async def deliver(self, *events: CloudEvent) -> None:
        """They are stored and bound, or parked, each in a batch of its own."""
        at = (TOPIC, self.partition.number)
        for event in events:
            headers, value = kafka.encode(event)
            record = Record(*at, self.partition.offset, 0, str(event.attributes["subject"]).encode(), value, headers)
            batch = Batch({at: [parse_record(record)]}, {at: self.partition.offset}, {at: 1})
            self.partition.offset += 1
            async with self.pool.acquire() as connection:
                await apply_batch(connection, self.partition.into, batch)
        await self.bind()

    async def bind(self) -> None:
        """The membership writer has seen all evidence."""
        writer = MembershipWriter(self.pool)
        while await writer.bind_batch():
            pass

    async def dispatch(self, *, everything: bool = True, leadership: Leadership | None = None) -> None:
        """Every subscription has deliveries of what is stored; `everything` as while auth is off.

        `leadership`: subscriptions of the shards that it leads alone.
        """
        push_dispatcher = PushDispatcher(SECRET, [self.listeners, *(each for each, _ in self.push_targets)])

        def on_commit(subscriptions: Mapping[UUID, int]) -> None:
            self.listeners.wake(subscriptions)
            for _, wake in self.push_targets:
                wake(subscriptions)

        dispatcher = Dispatcher(
            self.pool,
            lambda: self.now,
            on_commit,
            auth_disabled=everything,
            push_dispatcher=push_dispatcher,
            leadership=leadership,
        )
        while await dispatcher.dispatch_some():
            pass
        replayer = Replayer(self.pool, lambda: self.now, auth_disabled=everything)
        while await replayer.replay_some():
            pass

    async def execute(self, statement: str, *arguments: object) -> None:
        """For what operators enter."""
        await self.pool.execute(statement, *arguments)

    async def request(self, by: Caller, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to this caller."""
        self.caller = by
        answer = await self.http.request(method, path, **more)
        if answer.is_success and answer.request.url.path.startswith("/v1/subscriptions"):
            self.openapi.check(answer)
        return answer

    async def find(self, by: Caller, org: str, subject: str, **more: str) -> str | None:
        """What the caller calls the pathway of this subject."""
        found = await self.request(by, "POST", "/v1/pathways/search", json={"org": org, "subject": subject, **more})
        return str(found.json()["pathway"]) if found.status_code == 200 else None

    async def read(self, by: Caller, org: str, subject: str, purpose: str | None = None) -> dict[str, Any]:
        """What the caller sees of it."""
        found = await self.find(by, org, subject)
        answer = await self.request(by, "GET", f"/v1/pathways/{found}", headers=purpose_headers(purpose))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def purpose_headers(purpose: str | None = None, authority: str | None = None) -> Mapping[str, str]:
    """The headers that say what it is for."""
    headers = {"pathline-purpose": purpose, "pathline-authority": authority}
    return {name: value for name, value in headers.items() if value is not None}


_DOCUMENT: list[OpenApiCheck] = []


def _openapi_check(app: FastAPI) -> OpenApiCheck:
    """The document of every gateway: the routes are the same each time."""
    if not _DOCUMENT:
        _DOCUMENT.append(OpenApiCheck(app.openapi()))
    return _DOCUMENT[0]


@contextlib.asynccontextmanager
async def routes_on(machine: Machine, padding: ResponseTimePadding = NO_PADDING) -> AsyncIterator[GatewayRoutes]:
    """A gateway on a fresh database of this machine, which goes with it. Answers are held back where a test says so."""
    database = await fresh_database(machine)
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            await open_log(connection)
            await connection.execute("insert into instance_secret (name, value) values ('identifiers', $1)", SECRET)
        policy = DeliveryPolicy()

        def clock() -> datetime:
            return gateway.now

        webhook_sender = WebhookSender(
            WebhookHttpClient(policy), policy, lambda: datetime.now(UTC), "gateway.test", allow_private=True
        )
        listeners = ListenerRegistry(pool)
        services = (
            RestrictedReader(pool, SECRET, clock, padding),
            ReviewService(
                pool, EvidencePublisher(pool, lambda events: gateway.deliver(*(each.event for each in events)))
            ),
            SseStreams(pool, SECRET, clock, listeners),
            SubscriptionAdmission.within(Limits()),
            webhook_sender,
            TopicService(OutBroker(Settings(dev_auth="off"), OPEN_BROKER)),
            AccountPublisher(lambda item: gateway.ingest(item)),
        )
        context = AppContext(pool, pool, SECRET, clock, services=services)
        with application(*ENDPOINTS, context=context, caller=lambda: gateway.caller) as app:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
                gateway = GatewayRoutes(database, pool, http, webhook_sender, _openapi_check(app), listeners)
                yield gateway
        await webhook_sender.http_client.aclose()
    await drop_database(machine, database)
