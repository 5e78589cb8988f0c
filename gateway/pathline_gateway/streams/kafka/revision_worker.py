"""Tells the readers of topics what others take back: events that say something else now, or may be shown no more.

Who may see an event depends on consents, links, voids, and on time. So whatever a topic showed of others is rendered
again every few minutes, as long as the topic keeps it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, render_events
from pathline_gateway.streams.dispatch.gateway_events import revised_event
from pathline_gateway.streams.kafka import shown_repository, topic_repository
from pathline_gateway.streams.kafka.client_lifetime import start_client, stop_client
from pathline_gateway.streams.kafka.out_broker import REQUEST_TIMEOUT_MS, OutBroker
from pathline_gateway.streams.kafka.record import OutRecord, build_record
from pathline_gateway.streams.kafka.revision import digest_of, find_change
from pathline_gateway.streams.kafka.shown_repository import ShownEvent
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription

WORK: Final = "kafka-revisions"
_POLL_INTERVAL_S: Final = 5.0
_BATCH_SIZE: Final = 200


@dataclass
class RevisionWorker:
    """Runs in every gateway; each event is one process's at a time."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    broker: OutBroker
    auth_disabled: bool
    interval: timedelta

    @property
    def loop(self) -> Loop:
        """Looks at events again as they become due."""
        return Loop(WORK, self.check_some, _POLL_INTERVAL_S)

    async def check_some(self) -> bool:
        """Whether events were looked at: there may be more. Raises KafkaError where the broker does not answer."""
        try:
            return await self._check()
        except asyncpg.SerializationError:
            return True  # they are being written anew

    async def _check(self) -> bool:
        async with self.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            claimed = await shown_repository.claim(connection, self.interval, _BATCH_SIZE)
            if claimed is None:
                await shown_repository.delete_expired(connection)
                return False
            series, shown = claimed
            subscription = await subscription_repository.find(connection, series, None)
            topic = await topic_repository.find_of_series(connection, series)
            assert subscription is not None, "what was shown goes with its subscription"
            assert topic is not None, "a topic showed it"
            events = await self._render(connection, subscription, shown)
            await self._tell(topic.topic, self._notices(subscription, shown, events))
            await self._write_down(connection, series, shown, events)
        return True

    async def _render(
        self, connection: asyncpg.Connection, subscription: Subscription, shown: Sequence[ShownEvent]
    ) -> Mapping[int, dict[str, Any]]:
        """As the reader may see them now; nothing is shown to her by this."""
        numbers = [(subscription.id, each.number) for each in shown]
        rows = await delivered_repository.fetch_by_number(connection, numbers)
        context = RenderContext(connection, self.secret, self.clock())
        whole = subscription.effective(self.auth_disabled)._replace(payload="full")  # as it was read to be written
        numbered = [(number, row) for (_, number), row in rows.items()]
        return {each["number"]: each for each in await render_events(context, whole, numbered, None, log=False)}

    def _notices(
        self, subscription: Subscription, shown: Sequence[ShownEvent], events: Mapping[int, Mapping[str, Any]]
    ) -> list[OutRecord]:
        notices = []
        for each in shown:
            event = events.get(each.number)
            because = find_change(each.digest, event)
            if because is not None:
                version = "none" if because == "withheld" or event is None else digest_of(event).hex()[:8]
                notices.append(build_record(revised_event(subscription, each, because, version)))
        return notices

    async def _tell(self, topic: str, notices: Sequence[OutRecord]) -> None:
        """They are in the topic, each behind its event, as it has its key. Again after a crash, under the same id."""
        if not notices:
            return
        async with self._producer() as producer:
            for notice in notices:
                await producer.send_and_wait(topic, notice.value, key=notice.key, headers=notice.headers)

    async def _write_down(
        self, connection: asyncpg.Connection, series: UUID, shown: Sequence[ShownEvent], events: Mapping[int, Any]
    ) -> None:
        is_gone = {each.number: find_change(each.digest, events.get(each.number)) == "withheld" for each in shown}
        await shown_repository.forget(connection, series, [number for number, gone in is_gone.items() if gone])
        digests = [(number, digest_of(events[number])) for number, gone in is_gone.items() if not gone]
        await shown_repository.mark_checked(connection, series, digests)

    @contextlib.asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        client = AIOKafkaProducer(
            **self.broker.options,
            acks="all",
            enable_idempotence=(await self.broker.capabilities()).idempotent_producers,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await start_client(client, client.stop)
        try:
            yield client
        finally:
            await stop_client(client.stop)
