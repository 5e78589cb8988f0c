"""Wires everything; nothing else knows everybody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pathline_gateway import kafka_client, observe, problem
from pathline_gateway.background import as_it_comes, going_on, stopped
from pathline_gateway.console import front, handoff_pages, pages, sign_in, stream_pages
from pathline_gateway.console import parked as parked_page
from pathline_gateway.console import review as review_page
from pathline_gateway.console.rates import Rates
from pathline_gateway.desk import pages as desk
from pathline_gateway.desk.publishing import Publishing
from pathline_gateway.desk.shown import Explained, NoOrganisation, Said, on_no_organisation
from pathline_gateway.documents import pages as document_pages
from pathline_gateway.documents import resource as documents
from pathline_gateway.documents.http_side import ABOUT, TAGS, Interface
from pathline_gateway.documents.kafka_side import described
from pathline_gateway.handoff.projection import bring_up_to_date
from pathline_gateway.handoff.watchdog import Watchdog
from pathline_gateway.http_spans import HttpSpans
from pathline_gateway.identity.linking import Linking
from pathline_gateway.identity.membership import MembershipWriter
from pathline_gateway.identity.own_evidence import OwnEvidence
from pathline_gateway.identity.reviewing import Reviewing
from pathline_gateway.intake import door as intake_door
from pathline_gateway.intake.capabilities import Capabilities, probed
from pathline_gateway.intake.header_names import keep_every_header_name
from pathline_gateway.intake.intake import Intake
from pathline_gateway.intake.progress import Progress
from pathline_gateway.measure import closed_handoffs
from pathline_gateway.measure import resource as measures
from pathline_gateway.operate import concealed, lawful, linkers, organisations, parked, review
from pathline_gateway.operate.issuer import routes as issuer_routes
from pathline_gateway.operate.parked_level import keep_level
from pathline_gateway.pull import accesses, account, consents, links, pathways, status
from pathline_gateway.pull.limited import Limited
from pathline_gateway.pull.quick import QuickPull
from pathline_gateway.settings import Settings
from pathline_gateway.store import access, positions
from pathline_gateway.store.connect import connected
from pathline_gateway.store.migrate import migrate
from pathline_gateway.store.partitions import ensure_partitions
from pathline_gateway.store.secrets import instance_secret
from pathline_gateway.streams import notices
from pathline_gateway.streams import resource as subscriptions
from pathline_gateway.streams.delivery import Delivery
from pathline_gateway.streams.dispatch import Dispatcher
from pathline_gateway.streams.policy import Policy
from pathline_gateway.streams.posting import Poster
from pathline_gateway.streams.replay import Replayer
from pathline_gateway.streams.sinks import Sinks
from pathline_gateway.streams.sse import Streams
from pathline_gateway.streams.waiters import Waiters
from pathline_gateway.streams.webhooks import Deliverer
from pathline_gateway.trust.access_log import KEPT
from pathline_gateway.trust.bearer import Bearer, Claims
from pathline_gateway.trust.gate import Admitted, Gate, admitted, declared
from pathline_gateway.trust.issuer import CALLBACK, CLIENT, Issuer, NoIssuer
from pathline_gateway.trust.keys import DiscoveredKeys, OwnKeys
from pathline_gateway.trust.provider import Client, Provider

_PARTITIONS_EVERY_S = 3600
_FORGET_EVERY_S = 86_400


class BrokerUnavailable(Exception):
    """No broker answers."""


@dataclass
class Gateway:
    """The running parts of one gateway process."""

    settings: Settings
    broker: Capabilities
    pool: asyncpg.Pool
    producer: AIOKafkaProducer
    intake: Intake
    membership: MembershipWriter
    progress: Progress
    waiters: Waiters
    sinks: Sinks
    rates: Rates
    secret: bytes
    account_key: bytes


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that consumes, binds and answers; stops in reverse order, the batch at hand finished."""
    async with contextlib.AsyncExitStack() as stack:
        pool, broker, epoch = await stack.enter_async_context(_prepared(settings))
        async with pool.acquire() as connection:
            secret = await instance_secret(connection, "identifiers")
            account_key = await instance_secret(connection, "accounts")
        progress = Progress()
        membership = MembershipWriter(pool)
        producer = await _producer(settings, idempotent=broker.idempotent_producers)
        stack.push_async_callback(stopped, producer.stop)
        everything = settings.dev_auth == "off"
        waiters, sinks = Waiters(pool), _sinks(settings)
        stack.push_async_callback(sinks.poster.aclose)
        deliverer = Deliverer(Delivery(pool, secret, settings.clock, sinks, everything=everything))

        def on_given(subscriptions: Collection[UUID]) -> None:
            waiters.given(subscriptions)
            deliverer.given(subscriptions)

        dispatcher = Dispatcher(pool, settings.clock, on_given, everything=everything)
        replayer = Replayer(pool, settings.clock, on_given, everything=everything)
        stored, rates = asyncio.Event(), Rates()

        def on_stored(about_identity: bool) -> None:
            dispatcher.wake()
            stored.set()
            if about_identity:
                membership.wake()

        intake = await stack.enter_async_context(Intake(settings, pool, epoch, progress, on_stored).running())
        watchdog = Watchdog(
            pool,
            settings.clock,
            secret,
            progress,
            intake.looked,
            partial(notices.give, secret=secret, now=settings.clock, everything=everything),
            on_given,
            timedelta(seconds=settings.handoff_grace_s),
        )
        closed = partial(closed_handoffs.tell, pool, secret, observe.flush_finished)
        for name, work in (
            ("membership", membership.run),
            ("hand-offs", lambda: as_it_comes("hand-offs", stored, partial(bring_up_to_date, pool))),
            ("the watchdog", watchdog.run),
            ("telling of closed hand-offs", lambda: as_it_comes("closed hand-offs", asyncio.Event(), closed)),
            ("handing out to subscriptions", dispatcher.run),
            ("streams", waiters.run),
            ("replays", replayer.run),
            ("posting to sinks", deliverer.run),
            ("making partitions", lambda: _keep_partitions(pool)),
            ("forgetting old accesses", lambda: _forget_accesses(pool)),
            ("counting what is parked", lambda: keep_level(pool)),
            ("counting what flows", lambda: rates.keep(pool, progress, intake.survey)),
        ):
            await stack.enter_async_context(going_on(name, work))
        yield Gateway(
            settings, broker, pool, producer, intake, membership, progress, waiters, sinks, rates, secret, account_key
        )


@contextlib.asynccontextmanager
async def taking_in(settings: Settings) -> AsyncIterator[Intake]:
    """Intake and nothing else, in the group of the gateway that it works for."""
    async with _prepared(settings) as (pool, _, epoch), Intake(settings, pool, epoch, Progress()).running() as intake:
        yield intake


@contextlib.asynccontextmanager
async def _prepared(settings: Settings) -> AsyncIterator[tuple[asyncpg.Pool, Capabilities, int]]:
    """Postgres and the broker are as this version needs them; and the epoch of the log."""
    keep_every_header_name()
    async with connected(settings.database) as pool:
        broker = await _prepared_broker(settings)
        async with pool.acquire() as connection:
            await migrate(connection)
            await ensure_partitions(connection)
            epoch = await positions.open_epoch(connection, settings.cluster_id or broker.cluster_id)
        yield pool, broker, epoch


def application(gateway: Gateway, issuer: Issuer | None = None, gate: Gate | None = None) -> FastAPI:
    """The HTTP interface of a running gateway; with an `issuer` of its own where it has one, and its `gate` or this."""
    app = Interface(
        title="Pathline",
        summary="Publish what happened between a person and a service; pull each person's own pathway.",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        version="1",
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        responses=problem.DOCUMENTED,
        dependencies=[Depends(admitted)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    readers = Limited(gateway.pool, gateway.secret, gateway.settings.clock)
    explained = Explained(gateway.settings.quick_exit)
    gate = replace(gate or _gate(gateway, issuer), on_forbidden=readers.refused, explain=explained)
    register_unknown = gateway.settings.dev_auth == "off"
    app.add_middleware(Admitted, gate=gate)
    if register_unknown:
        # Past what asks who calls: with auth off, everybody does.
        app.add_middleware(QuickPull, pulled=partial(pathways.pulled, gateway.pool, gateway.settings.clock))
    app.add_middleware(HttpSpans)
    app.add_exception_handler(problem.Problem, explained.on_problem)
    app.add_exception_handler(NoOrganisation, on_no_organisation)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.add_exception_handler(HTTPException, problem.on_http_error)
    door = intake_door.Door(
        gateway.producer,
        gateway.pool,
        gateway.progress,
        wait_for_postgres=gateway.settings.volatile_log,
        register_unknown=register_unknown,
    )
    app.include_router(intake_door.routes(door))
    app.include_router(pathways.routes(gateway.pool, gateway.secret, readers, gateway.settings.clock))
    app.include_router(account.routes())
    app.include_router(accesses.routes(gateway.pool, gateway.secret, gateway.settings.clock))
    app.include_router(consents.routes(gateway.pool, gateway.secret, gateway.settings.clock, door.put))
    streams = Streams(gateway.pool, gateway.secret, gateway.settings.clock, gateway.waiters)
    app.include_router(subscriptions.routes(streams, gateway.sinks))
    app.include_router(stream_pages.routes(streams))
    app.include_router(measures.routes(gateway.pool, gateway.settings.clock))
    app.include_router(organisations.routes(gateway.pool))
    app.include_router(linkers.routes(gateway.pool))
    app.include_router(concealed.routes(gateway.pool))
    app.include_router(lawful.routes(gateway.pool))
    app.include_router(parked.routes(gateway.pool, register_unknown))
    app.include_router(parked_page.routes(gateway.pool, register_unknown))
    own = OwnEvidence(gateway.pool, door.write)
    linking = Linking(gateway.pool, own, gateway.secret, gateway.settings.link_token_s)
    app.include_router(links.routes(gateway.pool, linking, register_unknown))
    reviewing = Reviewing(gateway.pool, own)
    app.include_router(review.routes(gateway.pool, reviewing))
    app.include_router(review_page.routes(gateway.pool, reviewing))
    statuses = status.Statuses(gateway.pool, gateway.progress, gateway.intake.survey)
    app.include_router(status.routes(statuses, gateway.intake.not_ready))
    clock = gateway.settings.clock
    app.include_router(
        front.routes(gateway.pool, statuses, lambda: gateway.intake.not_ready() is None, gateway.rates, clock)
    )
    app.include_router(handoff_pages.routes(gateway.pool, clock))
    app.include_router(pages.routes(gateway.pool, gateway.secret, readers, clock))
    kafka = cache(partial(described, gateway.settings))
    app.include_router(documents.routes(kafka))
    app.include_router(document_pages.routes(app.openapi, kafka))
    app.include_router(sign_in.routes(gate, _provider(gateway.settings, issuer, gate)))
    app.include_router(
        desk.routes(
            gateway.pool,
            Publishing(gateway.pool, door, register_unknown),
            gateway.secret,
            Said(ZoneInfo(gateway.settings.desk_timezone), gateway.settings.quick_exit, gateway.settings.clock),
        )
    )
    if issuer is not None:
        app.include_router(issuer_routes(issuer))
    app.mount("/console/static", pages.STATIC)
    declared(app)
    return app


def _sinks(settings: Settings) -> Sinks:
    policy = Policy()
    private = settings.sinks_private or settings.dev_auth == "off"
    return Sinks(Poster(policy), policy, lambda: datetime.now(UTC), settings.sinks_origin, private)


def _gate(gateway: Gateway, issuer: Issuer | None) -> Gate:
    settings = gateway.settings
    if settings.dev_auth == "off":
        return Gate(None)
    if issuer is not None:
        return Gate(Bearer(issuer.claims, OwnKeys(issuer.keys), gateway.account_key))
    if settings.issuer is None:
        raise NoIssuer("who may do what cannot be told: set PATHLINE_ISSUER to the OpenID Connect issuer to believe")
    claims = Claims(settings.issuer, settings.audience, settings.roles_claim, settings.org_claim)
    return Gate(Bearer(claims, DiscoveredKeys(settings.issuer), gateway.account_key))


def _provider(settings: Settings, issuer: Issuer | None, gate: Gate) -> Provider | None:
    """Where people sign in with a browser; None where they show a token instead, or nobody is asked."""
    if gate.bearer is None:
        return None
    keys = gate.bearer.keys
    if issuer is not None:
        return Provider(issuer.url, Client(CLIENT, None, issuer.clients[CLIENT]), keys)
    if settings.issuer is None or settings.public_url is None:
        return None
    secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()
    return Provider(settings.issuer, Client(settings.client_id, secret, f"{settings.public_url}{CALLBACK}"), keys)


async def _prepared_broker(settings: Settings) -> Capabilities:
    """The door's topic is there, and what the broker can do is known. Raises BrokerUnavailable."""
    admin = AIOKafkaAdminClient(**kafka_client.options(settings))
    try:
        await admin.start()
        await _door_topic(admin, settings)
        return await probed(kafka_client.options(settings), volatile_log=settings.volatile_log)
    except KafkaError as failed:
        raise BrokerUnavailable(
            f"the broker cannot be used ({type(failed).__name__}): look at PATHLINE_KAFKA, at the user's password"
            " and rights where it has them, or use --embedded"
        ) from None
    finally:
        await admin.close()


async def _door_topic(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    # Looked for first: it may have been made by somebody whose right that is, and not ours.
    if intake_door.DOOR_TOPIC in await admin.list_topics():
        return
    topic = NewTopic(intake_door.DOOR_TOPIC, settings.door_partitions, settings.replication_factor)
    answer = await admin.create_topics([topic])
    for _, code, *_ in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)


async def _producer(settings: Settings, idempotent: bool) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **kafka_client.options(settings),
        acks="all",
        linger_ms=5,
        max_batch_size=262_144,
        enable_idempotence=idempotent,
    )
    await producer.start()
    return producer


async def _forget_accesses(pool: asyncpg.Pool) -> None:
    while True:
        async with pool.acquire() as connection:
            await access.forget(connection, datetime.now(UTC) - KEPT)
        await asyncio.sleep(_FORGET_EVERY_S)


async def _keep_partitions(pool: asyncpg.Pool) -> None:
    while True:
        await asyncio.sleep(_PARTITIONS_EVERY_S)
        async with pool.acquire() as connection:
            await ensure_partitions(connection)
