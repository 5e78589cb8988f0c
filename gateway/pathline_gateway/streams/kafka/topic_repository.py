"""Topics of subscriptions as their owners want them, and those that are to be removed."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

_SELECT = """
select subscription, topic, principal, partitions, retention_hours, max_message_bytes, revision, applied_revision
from kafka_topic
"""
_CREATE = """
insert into kafka_topic (subscription, topic, principal, partitions, retention_hours) values ($1, $2, $3, $4, $5)
"""
_CREATE_SINK = "insert into kafka_sink (subscription) values ($1)"
_FIND = _SELECT + "where subscription = $1"
# Those of a series are its subscription's.
_FIND_OF_SERIES = """
select t.subscription, t.topic, t.principal, t.partitions, t.retention_hours, t.max_message_bytes, t.revision,
    t.applied_revision
from kafka_topic t where t.subscription = coalesce((select parent_subscription from replay where subscription = $1), $1)
"""
_CHANGE = """
update kafka_topic set principal = $2, retention_hours = $3, revision = revision + 1
where subscription = $1 and (principal is distinct from $2 or retention_hours <> $3)
"""
_CLAIM_UNAPPLIED = (
    _SELECT
    + "where applied_revision < revision and not_before <= clock_timestamp()"
    + " order by not_before, subscription limit 1 for update skip locked"
)
_APPLIED = "update kafka_topic set applied_revision = $2, max_message_bytes = $3 where subscription = $1"
_POSTPONE = "update kafka_topic set not_before = clock_timestamp() + $2 where subscription = $1"
_UNAPPLY = "update kafka_topic set applied_revision = 0 where subscription = $1 and applied_revision = $2"
_CLAIM_REMOVAL = """
select topic, was_deleted from kafka_topic_removal where not_before <= clock_timestamp()
order by not_before, topic limit 1 for update skip locked
"""
_DELETED = """
update kafka_topic_removal set was_deleted = true, not_before = clock_timestamp() + $2 where topic = $1
"""
_REMOVED = "delete from kafka_topic_removal where topic = $1"
_POSTPONE_REMOVAL = "update kafka_topic_removal set not_before = clock_timestamp() + $2 where topic = $1"


class TopicRow(NamedTuple):
    """A topic as its owner wants it."""

    subscription: UUID
    topic: str
    principal: str | None
    """The reader's name; None where everybody who reaches the broker may read."""
    partitions: int
    retention_hours: int
    max_message_bytes: int
    revision: int
    applied_revision: int

    @property
    def is_ready(self) -> bool:
        """Whether the broker has it, as wanted or as it was before the last change."""
        return self.applied_revision > 0


class TopicRemoval(NamedTuple):
    """A topic whose subscription is gone."""

    topic: str
    was_deleted: bool


async def create(
    connection: asyncpg.Connection,
    subscription: UUID,
    topic: str,
    principal: str | None,
    partitions: int,
    retention_hours: int,
) -> None:
    """The subscription has this topic, which the broker is told of later."""
    await connection.execute(_CREATE, subscription, topic, principal, partitions, retention_hours)
    await connection.execute(_CREATE_SINK, subscription)


async def find(connection: asyncpg.Connection, subscription: UUID) -> TopicRow | None:
    """The topic of this subscription; None where it has none."""
    row = await connection.fetchrow(_FIND, subscription)
    return None if row is None else TopicRow(*row.values())


async def find_of_series(connection: asyncpg.Connection, series: UUID) -> TopicRow | None:
    """The topic that a series is written to."""
    row = await connection.fetchrow(_FIND_OF_SERIES, series)
    return None if row is None else TopicRow(*row.values())


async def change(connection: asyncpg.Connection, subscription: UUID, principal: str | None, hours: int) -> None:
    """This reader may read it, and nobody else, and records stay so long; the broker is told later."""
    await connection.execute(_CHANGE, subscription, principal, hours)


async def claim_unapplied(connection: asyncpg.Connection) -> TopicRow | None:
    """A topic of which the broker is to be told, and no other process's until the transaction ends."""
    row = await connection.fetchrow(_CLAIM_UNAPPLIED)
    return None if row is None else TopicRow(*row.values())


async def mark_applied(connection: asyncpg.Connection, row: TopicRow, max_message_bytes: int) -> None:
    """The broker has it so."""
    await connection.execute(_APPLIED, row.subscription, row.revision, max_message_bytes)


async def postpone(connection: asyncpg.Connection, row: TopicRow, wait: timedelta) -> None:
    """It is tried again after so long; others have their turn."""
    await connection.execute(_POSTPONE, row.subscription, wait)


async def mark_missing(connection: asyncpg.Connection, row: TopicRow) -> None:
    """The broker does not have it any more, so it is made again."""
    await connection.execute(_UNAPPLY, row.subscription, row.applied_revision)


async def claim_removal(connection: asyncpg.Connection) -> TopicRemoval | None:
    """A topic that is to be removed, and no other process's until the transaction ends."""
    row = await connection.fetchrow(_CLAIM_REMOVAL)
    return None if row is None else TopicRemoval(*row.values())


async def mark_deleted(connection: asyncpg.Connection, removal: TopicRemoval, look_again: timedelta) -> None:
    """It was deleted; whether it is gone is looked at once more, after so long."""
    if removal.was_deleted:
        await connection.execute(_REMOVED, removal.topic)
    else:
        await connection.execute(_DELETED, removal.topic, look_again)


async def postpone_removal(connection: asyncpg.Connection, removal: TopicRemoval, wait: timedelta) -> None:
    """It is tried again after so long."""
    await connection.execute(_POSTPONE_REMOVAL, removal.topic, wait)
