"""Where to read each partition from: Postgres says where it stands, the log shows whether it still is that log."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.kafka import log_checkpoint_repository, offset_repository
from pathline_gateway.kafka.log_identity import Continues, Expired, LogStatus, Replaced, classify_log
from pathline_gateway.kafka.log_inspector import LogInspector
from pathline_gateway.kafka.offset_repository import Epochs, Partition, Position
from pathline_gateway.telemetry.instruments import INTAKE_LOGS

_log = logging.getLogger(__name__)

_NOWHERE = Position(0, None)


class StartPositionResolver:
    """Decides where reading goes on, and says so when a log was replaced or has lost records."""

    def __init__(self, pool: asyncpg.Pool, group: str, cluster_epoch: int, look: LogInspector) -> None:
        self._pool, self._group, self._cluster_epoch, self._look = pool, group, cluster_epoch, look
        self._epochs: Epochs | None = None
        self._anchored: set[tuple[int, Partition]] = set()
        """Logs, by epoch, of which it is kept where they were seen to be ours."""

    async def stand(self, partitions: Collection[Partition]) -> tuple[Epochs, dict[Partition, int]]:
        """The epochs of the logs now, and the offset from which each of these partitions is read."""
        epochs, kept = await self._kept()
        at = {p: kept.get(p, _NOWHERE) for p in partitions}
        standings = await self._looked_at(epochs, at)
        if replaced := {p[0]: s.why for p, s in standings.items() if isinstance(s, Replaced)}:
            async with self._pool.acquire() as connection:
                epochs = await self._open(connection, epochs, replaced)
            at = {p: _NOWHERE if p[0] in replaced else position for p, position in at.items()}
            standings = await self._looked_at(epochs, at)
        self._epochs = epochs
        async with self._pool.acquire() as connection:
            return epochs, {p: await self._start(connection, epochs.of(p[0]), p, s) for p, s in standings.items()}

    async def replaced(self, partitions: Collection[Partition]) -> bool:
        """Whether one of these logs is not the one that Postgres stands in. Raises what the database raises."""
        epochs, kept = await self._kept()
        if self._epochs is not None and any(epochs.of(topic) != self._epochs.of(topic) for topic, _ in partitions):
            return True  # so another process says, which has other partitions of it
        standings = await self._looked_at(epochs, {p: kept[p] for p in partitions if p in kept})
        return any(isinstance(standing, Replaced) for standing in standings.values())

    async def stored(self, last: Mapping[Partition, Position], epochs: Mapping[Partition, int]) -> None:
        """Records of these logs were stored: of one that was empty, something is known from now on."""
        new = {(epochs[p], p): position for p, position in last.items() if (epochs[p], p) not in self._anchored}
        if not new:
            return
        try:
            async with self._pool.acquire() as connection:
                await log_checkpoint_repository.write(connection, self._group, new)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
            _log.info("intake: not kept where a log was seen, until it is looked at: %s", type(failed).__name__)
        else:
            self._anchored |= new.keys()

    async def _kept(self) -> tuple[Epochs, dict[Partition, Position]]:
        async with self._pool.acquire() as connection:
            epochs = await offset_repository.read_epochs(connection, self._cluster_epoch)
            return epochs, await offset_repository.read(connection, self._group, epochs)

    async def _looked_at(self, epochs: Epochs, at: Mapping[Partition, Position]) -> dict[Partition, LogStatus]:
        """What each log is, where Postgres stands and where it was last seen to be ours, which is then here.

        Where the broker does not show it, it is taken for what it was, and looked at again.
        """
        async with self._pool.acquire() as connection:
            known = await log_checkpoint_repository.read(connection, self._group, epochs)
        seen = {p: anchor for p, anchor in known.items() if p in at}
        now = await self._shown(at)
        then = {p: now[p] for p in seen if p in now and seen[p] == at[p]}
        then |= await self._shown({p: anchor for p, anchor in seen.items() if anchor != at[p]})
        standings = {p: now.get(p, Continues(position.next_offset)) for p, position in at.items()}
        standings |= {p: standing for p, standing in then.items() if isinstance(standing, Replaced)}
        if not any(isinstance(standing, Replaced) for standing in standings.values()):
            ours = {p: at[p] for p, s in now.items() if isinstance(s, Continues) and (p not in seen or p in then)}
            ours = {p: position for p, position in ours.items() if position.last_digest is not None}
            moved = {(epochs.of(p[0]), p): ours[p] for p in ours if seen.get(p) != ours[p]}
            async with self._pool.acquire() as connection:
                await log_checkpoint_repository.write(connection, self._group, moved)
            self._anchored |= {(epochs.of(p[0]), p) for p in seen.keys() | ours.keys()}
        return standings

    async def _shown(self, at: Mapping[Partition, Position]) -> dict[Partition, LogStatus]:
        """What each log is that the broker shows."""
        if not at:
            return {}
        try:
            shown = await self._look.shown(at)
        except (KafkaError, TimeoutError) as failed:
            _log.warning("intake: the log could not be looked at: %s", type(failed).__name__)
            return {}
        return {p: classify_log(position, shown[p]) for p, position in at.items() if p in shown}

    async def _open(self, connection: asyncpg.Connection, epochs: Epochs, replaced: Mapping[str, str]) -> Epochs:
        for topic, why in sorted(replaced.items()):
            epoch = await offset_repository.open_topic_epoch(connection, epochs, topic, why)
            _log.warning(
                "intake: the log of %s was replaced (%s): it is read from its start as epoch %d", topic, why, epoch
            )
            INTAKE_LOGS.add(1, {"pathline.reason": "replaced"})
        return await offset_repository.read_epochs(connection, self._cluster_epoch)

    async def _start(
        self, connection: asyncpg.Connection, epoch: int, partition: Partition, standing: LogStatus
    ) -> int:
        if isinstance(standing, Expired):
            skipped = await offset_repository.skip_expired(
                connection, self._group, epoch, partition, (standing.at, standing.start)
            )
            if skipped and standing.at:
                _log.error(
                    "intake: %s-%d: the broker expired the records %d to %d before they were read. They are lost here. "
                    "Ask their publisher to send them again, and look at the topic's retention",
                    *partition,
                    standing.at,
                    standing.start - 1,
                )
                INTAKE_LOGS.add(1, {"pathline.reason": "expired"})
            return standing.start
        return standing.at if isinstance(standing, Continues) else 0
