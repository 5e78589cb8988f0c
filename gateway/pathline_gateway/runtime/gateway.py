"""A gateway at work, without its HTTP side: intake, projections, delivery and watchdogs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.jwks import DiscoveredKeys
from pathline_gateway.background.health import Health
from pathline_gateway.background.leadership import confirm_work, led_alone
from pathline_gateway.background.outage_log import GRACE, SETTLING, OutageLog
from pathline_gateway.background.supervisor import POLL_S, Loop, stop_with_timeout, supervised
from pathline_gateway.background.works import LED_ALONE
from pathline_gateway.dependency_health.monitor import DependencyMonitor
from pathline_gateway.dependency_health.probes import BrokerProbe, PostgresProbe
from pathline_gateway.election import candidate as election
from pathline_gateway.election.candidate import Candidate
from pathline_gateway.election.heartbeat import Heartbeat
from pathline_gateway.handoffs import telemetry as handoff_telemetry
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.handoffs.watchdog import Watchdog
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake import http_ingest
from pathline_gateway.intake.service import Intake
from pathline_gateway.kafka import client_config, offset_repository
from pathline_gateway.kafka.broker_capabilities import Capabilities, probe_broker
from pathline_gateway.kafka.fetch.aiokafka_patch import patch_aiokafka
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.parked import gauge as parked_gauge
from pathline_gateway.pathways.form_upgrade import FormUpgrade
from pathline_gateway.postgres import shared_pace, table_statistics
from pathline_gateway.postgres.instance_secrets import load_instance_secret
from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from pathline_gateway.postgres.pool import PoolUse, open_pool
from pathline_gateway.set_aside import gauge as set_aside_gauge
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.settings import Settings
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.streams.dispatch import handoff_notices
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.dispatch.push import PushDispatcher
from pathline_gateway.streams.dispatch.replay_worker import Replayer
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.revision_worker import RevisionWorker
from pathline_gateway.streams.kafka.topic_keeper import TopicKeeper
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.streams.kafka.worker_pool import TopicWorkerPool
from pathline_gateway.streams.kafka.write_context import WriteContext
from pathline_gateway.streams.sse.listeners import ListenerRegistry
from pathline_gateway.streams.subscriptions import retention_repository
from pathline_gateway.streams.subscriptions.dispatch_progress_repository import works_of
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_pool import WebhookWorkerPool
from pathline_gateway.telemetry import exporters
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange

_PARTITIONS_EVERY_S = 3600
_STATISTICS_EVERY_S = 60
_HORIZON_EVERY_S = 60
_FORGET_EVERY_S = 86_400
_HANDOFFS_PAUSE_S = 0.1
_SHARED_WORKS = (LED_ALONE, works_of(ALL_SHARDS))
"""Of each group every process leads a share."""


class BrokerUnavailable(Exception):
    """No broker answers."""


@dataclass
class Gateway:
    """The running parts of one gateway process."""

    settings: Settings
    broker: Capabilities
    pool: asyncpg.Pool
    """For requests."""
    slow_pool: asyncpg.Pool
    """For requests that look through more than one person's events."""
    work_pool: asyncpg.Pool
    """For what goes on beside them, and for streams."""
    producer: AIOKafkaProducer
    intake: Intake
    membership: MembershipWriter
    progress: Progress
    listeners: ListenerRegistry
    webhook_sender: WebhookSender
    topics: TopicService
    throughput: Throughput
    health: Health
    secret: bytes
    account_key: bytes
    sessions: Sessions
    issuer_keys: DiscoveredKeys
    dependencies: DependencyMonitor
    metrics: MetricsExchange


@contextlib.asynccontextmanager
async def run_gateway(settings: Settings, metrics: MetricsExchange | None = None) -> AsyncIterator[Gateway]:
    """A gateway that consumes, binds and answers; stops in reverse order, the current batch finished."""
    async with contextlib.AsyncExitStack() as stack:
        pool, broker, epoch = await stack.enter_async_context(_prepare_services(settings))
        request_pool, slow_pool = [
            await stack.enter_async_context(open_pool(settings.database, use)) for use in _pool_uses(settings.limits)
        ]
        async with pool.acquire() as connection:
            secret = await load_instance_secret(connection, "identifiers")
            account_key = await load_instance_secret(connection, "accounts")
            await set_aside.make_other_versions_due(connection)
        outages = _outages()
        progress, health = Progress(), Health(outages=outages)
        producer = await _start_producer(settings, idempotent=broker.idempotent_producers)
        stack.push_async_callback(stop_with_timeout, producer.stop)
        unrestricted = settings.dev_auth == "off"
        listeners, webhook_sender = ListenerRegistry(pool), _build_webhook_sender(settings)
        stack.push_async_callback(webhook_sender.http_client.aclose)
        webhook_workers = WebhookWorkerPool(
            WorkerContext(pool, secret, settings.clock, webhook_sender, auth_disabled=unrestricted)
        )

        out_broker = OutBroker(settings, broker if settings.kafka_out is None else None)
        topic_workers = TopicWorkerPool(
            WriteContext(pool, secret, settings.clock, out_broker, unrestricted, settings.limits), health
        )
        topic_keeper = TopicKeeper(pool, out_broker, topic_workers.wake_all)
        recheck = timedelta(seconds=settings.kafka_out_recheck_s)
        revisions = RevisionWorker(pool, secret, settings.clock, out_broker, unrestricted, recheck)

        def on_enqueued(subscriptions: Mapping[UUID, int]) -> None:
            listeners.wake(subscriptions)
            webhook_workers.wake(subscriptions)
            topic_workers.wake(subscriptions)

        candidate = await stack.enter_async_context(_joined(settings, health, _SHARED_WORKS))
        push_dispatcher = PushDispatcher(secret, (listeners, webhook_workers))
        dispatcher = Dispatcher(
            pool,
            settings.clock,
            on_enqueued,
            auth_disabled=unrestricted,
            push_dispatcher=push_dispatcher,
            leadership=candidate,
        )
        membership = MembershipWriter(pool, dispatcher.wake, confirm_work(candidate, "membership"))
        replayer = Replayer(pool, settings.clock, on_enqueued, auth_disabled=unrestricted)
        sessions = Sessions(pool, settings.token_lifetime_s)
        await sessions.refresh()
        issuer_keys = DiscoveredKeys(settings.issuer if settings.dev_auth == "on" else None)
        stored_event, throughput = asyncio.Event(), Throughput()

        def on_stored(about_identity: bool) -> None:
            dispatcher.wake()
            stored_event.set()
            if about_identity:
                membership.wake()

        intake = Intake(settings, pool, epoch, progress, on_stored, health)
        await stack.enter_async_context(intake.run())
        watchdog = Watchdog(
            pool,
            settings.clock,
            secret,
            progress,
            intake.survey_ends_age,
            partial(
                handoff_notices.deliver_notices,
                index=SubscriptionIndex(auth_disabled=unrestricted),
                secret=secret,
                now=settings.clock,
            ),
            on_enqueued,
            timedelta(seconds=settings.handoff_grace_s),
            confirm_work(candidate, "silence"),
        )
        project_handoffs = partial(project_next_batch, pool, confirm_work(candidate, "hand-offs"))
        tell_closed_handoffs = partial(handoff_telemetry.report_ended, pool, secret, exporters.flush_finished)
        for loop in (
            membership.loop,
            Loop("hand-offs", project_handoffs, POLL_S, stored_event, _HANDOFFS_PAUSE_S),
            watchdog.loop,
            Loop("closed-hand-offs", tell_closed_handoffs, POLL_S),
            dispatcher.loop,
            listeners.loop,
            replayer.loop,
            webhook_workers.loop,
            topic_keeper.loop,
            topic_workers.loop,
            FormUpgrade(pool).loop,
            revisions.loop,
            Loop("partitions", partial(_with_connection, pool, ensure_partitions), _PARTITIONS_EVERY_S),
            Loop(
                "table-statistics",
                partial(_with_connection, pool, table_statistics.analyze_if_grown),
                _STATISTICS_EVERY_S,
            ),
            Loop("subscription-horizon", partial(_forget_events, pool, settings), _HORIZON_EVERY_S),
            Loop("access-log-horizon", partial(_with_connection, pool, _forget_accesses), _FORGET_EVERY_S),
            sessions.loop(),
            issuer_keys.loop(),
            parked_gauge.loop(pool),
            set_aside_gauge.loop(pool, health),
            throughput.loop(pool, progress, intake.survey),
        ):
            elected = led_alone(loop, candidate) if loop.work in LED_ALONE else loop
            await stack.enter_async_context(supervised(elected, health))
        probes = (PostgresProbe(settings.database), BrokerProbe(client_config.options(settings)))
        dependencies = DependencyMonitor(probes, outages)
        await stack.enter_async_context(dependencies.run())
        yield Gateway(
            settings,
            broker,
            request_pool,
            slow_pool,
            pool,
            producer,
            intake,
            membership,
            progress,
            listeners,
            webhook_sender,
            TopicService(out_broker, topic_keeper.wake),
            throughput,
            health,
            secret,
            account_key,
            sessions,
            issuer_keys,
            dependencies,
            metrics or MetricsExchange(),
        )


def _outages() -> OutageLog:
    return OutageLog(grace=GRACE, settling=SETTLING)


def _pool_uses(limits: Limits) -> tuple[PoolUse, PoolUse]:
    # A little longer than the request, which is answered first.
    timeouts = (limits.connection_wait_s, limits.request_s + 1, True)
    return PoolUse("requests", limits.database_connections, *timeouts), PoolUse(
        "slow readings", limits.slow_readings, *timeouts
    )


@contextlib.asynccontextmanager
async def run_intake(settings: Settings) -> AsyncIterator[Intake]:
    """Intake and nothing else, in the group of the gateway that it works for."""
    health = Health(outages=_outages())
    async with (
        _prepare_services(settings) as (pool, _, epoch),
        _joined(settings, health),  # it leads nothing; where it stops in a transaction, others end that
        Intake(settings, pool, epoch, Progress(), health=health).run() as intake,
    ):
        yield intake


@contextlib.asynccontextmanager
async def _joined(
    settings: Settings, health: Health, shared_works: Sequence[Sequence[str]] = ()
) -> AsyncIterator[Candidate]:
    """This process is one of the deployment's, and leads its share of these works."""
    async with open_pool(settings.database, election.POOL) as pool:
        candidate = election.Candidate(pool, shared_works)
        await candidate.take_part()
        with Heartbeat(settings.database, election.LIFETIME, lambda: candidate.process) as heartbeat:
            candidate.heartbeat = heartbeat
            async with supervised(candidate.loop, health):
                yield candidate


@contextlib.asynccontextmanager
async def _prepare_services(settings: Settings) -> AsyncIterator[tuple[asyncpg.Pool, Capabilities, int]]:
    """Postgres and the broker are as this version needs them; and the epoch of the log."""
    patch_aiokafka()
    async with open_pool(settings.database) as pool:
        broker = await _prepare_broker(settings)
        async with pool.acquire() as connection:
            await migrate(connection)
            await ensure_partitions(connection)
            epoch = await offset_repository.open_epoch(connection, settings.cluster_id or broker.cluster_id)
        yield pool, broker, epoch


def _build_webhook_sender(settings: Settings) -> WebhookSender:
    policy = DeliveryPolicy()
    private = settings.sinks_private or settings.dev_auth == "off"
    return WebhookSender(WebhookHttpClient(policy), policy, lambda: datetime.now(UTC), settings.sinks_origin, private)


async def _prepare_broker(settings: Settings) -> Capabilities:
    """The door's topic is there, and what the broker can do is known. Raises BrokerUnavailable."""
    admin = AIOKafkaAdminClient(**client_config.options(settings))
    try:
        await admin.start()
        await _ensure_door_topic(admin, settings)
        return await probe_broker(client_config.options(settings), volatile_log=settings.volatile_log)
    except KafkaError as error:
        raise BrokerUnavailable(
            f"the broker cannot be used ({type(error).__name__}): look at PATHLINE_KAFKA, at the user's password"
            " and rights where it has them, or use --embedded"
        ) from None
    finally:
        await admin.close()


async def _ensure_door_topic(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    # Looked for first: it may have been made by somebody whose right that is, and not ours.
    if http_ingest.DOOR_TOPIC in await admin.list_topics():
        return
    topic = NewTopic(http_ingest.DOOR_TOPIC, settings.door_partitions, settings.replication_factor)
    response = await admin.create_topics([topic])
    for _, code, *_ in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)


async def _start_producer(settings: Settings, idempotent: bool) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **client_config.options(settings),
        acks="all",
        linger_ms=5,
        max_batch_size=262_144,
        enable_idempotence=idempotent,
    )
    await producer.start()
    return producer


async def _with_connection(pool: asyncpg.Pool, work: Callable[[asyncpg.Connection], Awaitable[object]]) -> None:
    async with pool.acquire() as connection:
        await work(connection)


async def _forget_events(pool: asyncpg.Pool, settings: Settings) -> bool:
    limits, now = settings.limits, datetime.now(UTC)
    async with pool.acquire() as connection:
        await shared_pace.forget(connection, now)
        cutoff = now - timedelta(days=limits.kept_days)
        return await retention_repository.delete_expired(
            connection, cutoff, limits.kept_events, limits.kept_of_organisation
        )


async def _forget_accesses(connection: asyncpg.Connection) -> None:
    await access_log_repository.delete_expired(connection)
