"""Keeps topics at the broker as their subscriptions want them: makes, changes and deletes them, with their rights."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.log_cause import because, error_label
from pathline_gateway.streams.kafka import topic_admin, topic_repository
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.topic_acls import LibrdkafkaRights, RightsRefused, TopicRights
from pathline_gateway.streams.kafka.topic_repository import TopicRow

_log = logging.getLogger(__name__)

WORK: Final = "kafka-topics"
_POLL_INTERVAL_S: Final = 1.0
_RETRY: Final = timedelta(seconds=5)
_LOOK_AGAIN: Final = timedelta(minutes=1)
"""Longer than any write that had begun when the subscription ended."""


@dataclass
class TopicKeeper:
    """One for a process; each topic is one process's at a time."""

    pool: asyncpg.Pool
    broker: OutBroker
    on_ready: Callable[[], None] = lambda: None
    """Called when a topic was made: what waits can be written."""
    rights: TopicRights | None = None
    """Made when it is needed."""
    look_again: timedelta = _LOOK_AGAIN
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _refused: set[str] = field(default_factory=set)
    """Causes that were logged and are not over."""

    def wake(self) -> None:
        """A topic is wanted, changed or to be removed."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Tells the broker of changes as they come."""
        return Loop(WORK, self.keep_some, _POLL_INTERVAL_S, self._wake)

    async def keep_some(self) -> bool:
        """Whether a topic was looked at: there may be more. Raises KafkaError where the broker does not answer."""
        return await self._apply_one() or await self._remove_one()

    async def _apply_one(self) -> bool:
        async with self.pool.acquire() as connection, connection.transaction():
            row = await topic_repository.claim_unapplied(connection)
            if row is None:
                return False
            size = await self._tried(self._apply(row))
            if size is None:
                await topic_repository.postpone(connection, row, _RETRY)
                return True
            await topic_repository.mark_applied(connection, row, size)
        self.on_ready()
        return True

    async def _apply(self, row: TopicRow) -> int:
        await topic_admin.ensure_topic(self.broker, row.topic, row.partitions, row.retention_hours)
        if await self.broker.is_protected():
            if row.principal is None:
                await self._rights().revoke(row.topic)
            else:
                await self._rights().grant(row.topic, self.broker.principal(row.principal))
        return await topic_admin.max_message_bytes(self.broker, row.topic)

    async def _remove_one(self) -> bool:
        async with self.pool.acquire() as connection, connection.transaction():
            removal = await topic_repository.claim_removal(connection)
            if removal is None:
                return False
            if await self._tried(self._remove(removal.topic)) is None:
                await topic_repository.postpone_removal(connection, removal, _RETRY)
            else:
                await topic_repository.mark_deleted(connection, removal, self.look_again)
        return True

    async def _remove(self, topic: str) -> int:
        await topic_admin.delete_topic(self.broker, topic)
        if await self.broker.is_protected():
            await self._rights().revoke(topic)
        return 0

    async def _tried(self, work: Awaitable[int]) -> int | None:
        """What it came to; None where the broker refuses this topic. One that does not answer is raised: all wait."""
        try:
            result = await work
        except (KafkaError, RightsRefused, ImportError) as error:
            if isinstance(error, KafkaError) and error.retriable:
                raise
            cause = error_label(error)
            if cause not in self._refused:
                self._refused.add(cause)
                _log.error("the broker does not keep a topic as it is wanted: %s", cause, extra=because(cause))
            return None
        self._refused.clear()
        return result

    def _rights(self) -> TopicRights:
        if self.rights is None:
            self.rights = LibrdkafkaRights(self.broker)
        return self.rights
