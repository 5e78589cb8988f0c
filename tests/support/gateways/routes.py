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
from fastapi.exceptions import RequestValidationError

from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.interaction import Interaction
from pathline.vocabulary import Payload
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from pathline_gateway.auth.dependencies import current_caller
from pathline_gateway.concealment import endpoints as concealment_endpoints
from pathline_gateway.console import handoff_pages, parked_pages, pathway_pages, review_pages, subscription_pages
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.limits.table import Limits
from pathline_gateway.measure import endpoints as measure_endpoints
from pathline_gateway.parked import endpoints as parked_endpoints
from pathline_gateway.pull import access_endpoints
from pathline_gateway.pull import endpoints as pull_endpoints
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.review import endpoints as review_endpoints
from pathline_gateway.review.service import ReviewService
from pathline_gateway.streams.api import event_endpoints, replay_endpoints, subscription_endpoints, webhook_endpoints
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.dispatch.push import PushDispatcher, PushTarget
from pathline_gateway.streams.dispatch.replay_worker import Replayer
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
from pathline_gateway.web import problem
from pathline_gateway.web.context import AppContext
from support.generators.pathways import NOW
from support.intake.history import TOPIC, Partition, Record, Told, opened
from support.openapi_check import Described
from support.postgres.fresh_database import dropped, fresh_database

NO_PADDING = ResponseTimePadding(1e-6)
SECRET = b"a secret of a test, of 32 bytes."
OPERATOR = Caller(frozenset((Role.OPERATOR,)))
AUDITOR = Caller(frozenset((Role.AUDITOR,)))


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


def of(org: str) -> Caller:
    """A system of this organisation."""
    return Caller(frozenset((Role.SUBSCRIBER,)), org=org)


def citizen(account: str) -> Caller:
    """The person of this account."""
    return Caller(frozenset((Role.CITIZEN,)), account=account)


def helper(account: str) -> Caller:
    """The person of this account, for others."""
    return Caller(frozenset((Role.HELPER,)), account=account)


@dataclass
class Rig:
    """A gateway's readers' side, and what was told to it."""

    database: str
    pool: asyncpg.Pool
    http: httpx.AsyncClient
    who: list[Caller]
    sinks: WebhookSender
    described: Described
    """What is answered of subscriptions is held against it."""
    waiters: ListenerRegistry
    now: datetime = NOW
    log: Partition = field(default_factory=Partition)
    takers: list[tuple[PushTarget, Callable[[Mapping[UUID, int]], None]]] = field(default_factory=list)
    """Who is handed what was just given, and is told of it."""

    async def tell(self, *told: Told | bytes) -> None:
        """It is stored and bound."""
        async with self.pool.acquire() as connection:
            await self.log.apply(connection, *told)
        await self.bind()

    async def put(self, item: Interaction[Payload]) -> None:
        """As the door does: it is applied when this returns."""
        await self.deliver(item.event)

    async def deliver(self, *events: CloudEvent) -> None:
        """They are stored and bound, or parked, each in a batch of its own."""
        at = (TOPIC, self.log.number)
        for event in events:
            headers, value = kafka.encode(event)
            record = Record(*at, self.log.offset, 0, str(event.attributes["subject"]).encode(), value, headers)
            batch = Batch({at: [parse_record(record)]}, {at: self.log.offset}, {at: 1})
            self.log.offset += 1
            async with self.pool.acquire() as connection:
                await apply_batch(connection, self.log.into, batch)
        await self.bind()

    async def bind(self) -> None:
        """The membership writer has seen all evidence."""
        writer = MembershipWriter(self.pool)
        while await writer.bind_batch():
            pass

    async def hand_out(self, *, everything: bool = True) -> None:
        """Every subscription was given what is stored; `everything` as while auth is off."""
        at_hand = PushDispatcher(SECRET, [self.waiters, *(each for each, _ in self.takers)])

        def given(subscriptions: Mapping[UUID, int]) -> None:
            self.waiters.wake(subscriptions)
            for _, told in self.takers:
                told(subscriptions)

        dispatcher = Dispatcher(self.pool, lambda: self.now, given, auth_disabled=everything, push_dispatcher=at_hand)
        while await dispatcher.dispatch_some():
            pass
        replayer = Replayer(self.pool, lambda: self.now, auth_disabled=everything)
        while await replayer.replay_some():
            pass

    async def execute(self, statement: str, *arguments: object) -> None:
        """For what operators enter."""
        await self.pool.execute(statement, *arguments)

    async def ask(self, by: Caller, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to this caller."""
        self.who[0] = by
        answer = await self.http.request(method, path, **more)
        if answer.is_success and answer.request.url.path.startswith("/v1/subscriptions"):
            self.described.check(answer)
        return answer

    async def find(self, by: Caller, org: str, subject: str, **more: str) -> str | None:
        """What the caller calls the pathway of this subject."""
        found = await self.ask(by, "POST", "/v1/pathways/search", json={"org": org, "subject": subject, **more})
        return str(found.json()["pathway"]) if found.status_code == 200 else None

    async def read(self, by: Caller, org: str, subject: str, purpose: str | None = None) -> dict[str, Any]:
        """What the caller sees of it."""
        found = await self.find(by, org, subject)
        answer = await self.ask(by, "GET", f"/v1/pathways/{found}", headers=stating(purpose))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def stating(purpose: str | None = None, authority: str | None = None) -> Mapping[str, str]:
    """The headers that say what it is for."""
    said = {"pathline-purpose": purpose, "pathline-authority": authority}
    return {name: value for name, value in said.items() if value is not None}


_DOCUMENT: list[Described] = []


def _described(app: FastAPI) -> Described:
    """The document of every rig: the routes are the same each time."""
    if not _DOCUMENT:
        _DOCUMENT.append(Described(app.openapi()))
    return _DOCUMENT[0]


@contextlib.asynccontextmanager
async def rig_on(machine: Machine, padding: ResponseTimePadding = NO_PADDING) -> AsyncIterator[Rig]:
    """A rig on a fresh database of this machine, which goes with it. Answers are held back where a test says so."""
    database = await fresh_database(machine)
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            await opened(connection)
        who, policy = [AUTH_DISABLED_CALLER], DeliveryPolicy()

        def clock() -> datetime:
            return rig.now

        sinks = WebhookSender(
            WebhookHttpClient(policy), policy, lambda: datetime.now(UTC), "gateway.test", allow_private=True
        )
        app = FastAPI()
        app.add_exception_handler(problem.Problem, problem.on_problem)
        app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
        app.dependency_overrides[current_caller] = lambda: who[0]
        waiters = ListenerRegistry(pool)
        services = (
            RestrictedReader(pool, SECRET, clock, padding),
            ReviewService(pool, EvidencePublisher(pool, lambda events: rig.deliver(*(each.event for each in events)))),
            SseStreams(pool, SECRET, clock, waiters),
            SubscriptionAdmission.within(Limits()),
            sinks,
            AccountPublisher(lambda item: rig.put(item)),
        )
        AppContext(pool, pool, SECRET, clock, services=services).attach(app)
        for module in ENDPOINTS:
            app.include_router(module.router)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            rig = Rig(database, pool, http, who, sinks, _described(app), waiters)
            yield rig
        await sinks.http_client.aclose()
    await dropped(machine, database)
