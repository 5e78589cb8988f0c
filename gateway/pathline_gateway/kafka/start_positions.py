"""Where to read each partition from: Postgres says where it stands, the log shows whether it still is that log."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.kafka import log_checkpoint_repository, offset_repository
from pathline_gateway.kafka.log_identity import LogContinues, LogExpired, LogReplaced, LogStatus, classify_log
from pathline_gateway.kafka.log_inspector import LogInspector
from pathline_gateway.kafka.offset_repository import Epochs, Partition, Position
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.telemetry.instruments import INTAKE_LOGS

_log = logging.getLogger(__name__)

_UNREAD = Position(0, None)


class StartPositionResolver:
    """Decides where reading goes on, and says so when a log was replaced or has lost records."""

    def __init__(self, pool: asyncpg.Pool, group: str, cluster_epoch: int, log_inspector: LogInspector) -> None:
        self._pool, self._group, self._cluster_epoch, self._log_inspector = pool, group, cluster_epoch, log_inspector
        self._epochs: Epochs | None = None
        self._checkpointed_logs: set[tuple[int, Partition]] = set()
        """Logs, by epoch, of which it is kept where they were seen to be ours."""

    async def resolve(self, partitions: Collection[Partition]) -> tuple[Epochs, dict[Partition, int]]:
        """The epochs of the logs now, and the offset from which each of these partitions is read."""
        epochs, stored_positions = await self._load_positions()
        positions = {p: stored_positions.get(p, _UNREAD) for p in partitions}
        statuses = await self._classify_logs(epochs, positions)
        if replaced_topics := {
            p[0]: status.reason for p, status in statuses.items() if isinstance(status, LogReplaced)
        }:
            async with self._pool.acquire() as connection:
                epochs = await self._open_epochs(connection, epochs, replaced_topics)
            positions = {p: _UNREAD if p[0] in replaced_topics else position for p, position in positions.items()}
            statuses = await self._classify_logs(epochs, positions)
        self._epochs = epochs
        async with self._pool.acquire() as connection:
            return epochs, {
                p: await self._start_offset(connection, epochs.for_topic(p[0]), p, status)
                for p, status in statuses.items()
            }

    async def any_replaced(self, partitions: Collection[Partition]) -> bool:
        """Whether one of these logs is not the one that Postgres stands in. Raises what the database raises."""
        epochs, stored_positions = await self._load_positions()
        if self._epochs is not None and any(
            epochs.for_topic(topic) != self._epochs.for_topic(topic) for topic, _ in partitions
        ):
            return True  # so another process says, which has other partitions of it
        statuses = await self._classify_logs(
            epochs, {p: stored_positions[p] for p in partitions if p in stored_positions}
        )
        return any(isinstance(status, LogReplaced) for status in statuses.values())

    async def checkpoint_new_logs(
        self, last_positions: Mapping[Partition, Position], epochs: Mapping[Partition, int]
    ) -> None:
        """Records of these logs were stored: of one that was empty, something is known from now on."""
        new_checkpoints = {
            (epochs[p], p): position
            for p, position in last_positions.items()
            if (epochs[p], p) not in self._checkpointed_logs
        }
        if not new_checkpoints:
            return
        try:
            async with self._pool.acquire() as connection:
                await log_checkpoint_repository.write(connection, self._group, new_checkpoints)
        except UNAVAILABLE_ERRORS as error:  # it is kept when the log is looked at next
            _log.info("it is not kept yet where a log was seen: %s", type(error).__name__, extra=because(error))
        else:
            self._checkpointed_logs |= new_checkpoints.keys()

    async def _load_positions(self) -> tuple[Epochs, dict[Partition, Position]]:
        async with self._pool.acquire() as connection:
            epochs = await offset_repository.read_epochs(connection, self._cluster_epoch)
            return epochs, await offset_repository.read(connection, self._group, epochs)

    async def _classify_logs(
        self, epochs: Epochs, positions: Mapping[Partition, Position]
    ) -> dict[Partition, LogStatus]:
        """What each log is, where Postgres stands and where it was last seen to be ours, which is then here.

        Where the broker does not show it, it is taken for what it was, and looked at again.
        """
        async with self._pool.acquire() as connection:
            checkpoints = await log_checkpoint_repository.read(connection, self._group, epochs)
        current_checkpoints = {p: checkpoint for p, checkpoint in checkpoints.items() if p in positions}
        status_at_position = await self._inspect_logs(positions)
        status_at_checkpoint = {
            p: status_at_position[p]
            for p in current_checkpoints
            if p in status_at_position and current_checkpoints[p] == positions[p]
        }
        status_at_checkpoint |= await self._inspect_logs(
            {p: checkpoint for p, checkpoint in current_checkpoints.items() if checkpoint != positions[p]}
        )
        statuses = {
            p: status_at_position.get(p, LogContinues(position.next_offset)) for p, position in positions.items()
        }
        statuses |= {p: status for p, status in status_at_checkpoint.items() if isinstance(status, LogReplaced)}
        if not any(isinstance(status, LogReplaced) for status in statuses.values()):
            confirmed_positions = {
                p: positions[p]
                for p, s in status_at_position.items()
                if isinstance(s, LogContinues) and (p not in current_checkpoints or p in status_at_checkpoint)
            }
            confirmed_positions = {
                p: position for p, position in confirmed_positions.items() if position.last_digest is not None
            }
            new_checkpoints = {
                (epochs.for_topic(p[0]), p): confirmed_positions[p]
                for p in confirmed_positions
                if current_checkpoints.get(p) != confirmed_positions[p]
            }
            async with self._pool.acquire() as connection:
                await log_checkpoint_repository.write(connection, self._group, new_checkpoints)
            self._checkpointed_logs |= {
                (epochs.for_topic(p[0]), p) for p in current_checkpoints.keys() | confirmed_positions.keys()
            }
        return statuses

    async def _inspect_logs(self, positions: Mapping[Partition, Position]) -> dict[Partition, LogStatus]:
        """What each log is that the broker shows."""
        if not positions:
            return {}
        try:
            views = await self._log_inspector.inspect(positions)
        except (KafkaError, TimeoutError) as error:
            _log.info("the log could not be looked at: %s", type(error).__name__, extra=because(error))
            return {}
        return {p: classify_log(position, views[p]) for p, position in positions.items() if p in views}

    async def _open_epochs(
        self, connection: asyncpg.Connection, epochs: Epochs, replaced_topics: Mapping[str, str]
    ) -> Epochs:
        for topic, reason in sorted(replaced_topics.items()):
            epoch = await offset_repository.open_topic_epoch(connection, epochs, topic, reason)
            _log.warning(
                "the log of %s was replaced (%s): it is read from its start as epoch %d",
                topic,
                reason,
                epoch,
                extra=because("log-replaced"),
            )
            INTAKE_LOGS.add(1, {"pathline.reason": "replaced"})
        return await offset_repository.read_epochs(connection, self._cluster_epoch)

    async def _start_offset(
        self, connection: asyncpg.Connection, epoch: int, partition: Partition, status: LogStatus
    ) -> int:
        if isinstance(status, LogExpired):
            was_skipped = await offset_repository.skip_expired(
                connection, self._group, epoch, partition, (status.next_offset, status.start_offset)
            )
            if was_skipped and status.next_offset:
                _log.error(
                    "%s-%d: the broker expired the records %d to %d before they were read. They are lost here. "
                    "Ask their publisher to send them again, and look at the topic's retention",
                    *partition,
                    status.next_offset,
                    status.start_offset - 1,
                    extra=because("expired"),
                )
                INTAKE_LOGS.add(1, {"pathline.reason": "expired"})
            return status.start_offset
        return status.next_offset if isinstance(status, LogContinues) else 0
