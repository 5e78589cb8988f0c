"""Where to read each partition from: Postgres says where it stands, the log shows whether it still is that log."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.intake.look import LogLook
from pathline_gateway.intake.standing import Continues, Expired, Replaced, Standing, judge
from pathline_gateway.store import positions
from pathline_gateway.store.positions import Epochs, Partition, Position
from pathline_gateway.telemetry import INTAKE_LOGS

_log = logging.getLogger(__name__)

_NOWHERE = Position(0, None)


class LogStand:
    """Decides where reading goes on, and says so when a log was replaced or has lost records."""

    def __init__(self, pool: asyncpg.Pool, group: str, cluster_epoch: int, look: LogLook) -> None:
        self._pool, self._group, self._cluster_epoch, self._look = pool, group, cluster_epoch, look
        self._seen: dict[Partition, Position] = {}
        """Where each log was last seen to be ours. One that is made again, and grows past our position before it is
        fetched from, is consumed on without a word: it is then no longer what it was here."""

    async def stand(self, partitions: Collection[Partition]) -> tuple[Epochs, dict[Partition, int]]:
        """The epochs of the logs now, and the offset from which each of these partitions is read."""
        async with self._pool.acquire() as connection:
            epochs = await positions.read_epochs(connection, self._cluster_epoch)
            kept = await positions.read(connection, self._group, epochs)
            at = {p: kept.get(p, _NOWHERE) for p in partitions}
            standings = await self._standings(at)
            await self._compare(standings)
            if replaced := {p[0]: s.why for p, s in standings.items() if isinstance(s, Replaced)}:
                epochs = await self._open(connection, epochs, replaced)
                self._seen = {p: seen for p, seen in self._seen.items() if p[0] not in replaced}
                at = {p: _NOWHERE if p[0] in replaced else position for p, position in at.items()}
                standings = await self._standings(at)
            self._remember(at, standings)
            return epochs, {p: await self._start(connection, epochs.of(p[0]), p, s) for p, s in standings.items()}

    async def replaced(self, partitions: Collection[Partition]) -> bool:
        """Whether one of these logs is not the one that Postgres stands in. Raises what the database raises."""
        async with self._pool.acquire() as connection:
            kept = await positions.read(
                connection, self._group, await positions.read_epochs(connection, self._cluster_epoch)
            )
        at = {p: kept[p] for p in partitions if p in kept}
        standings = await self._standings(at)
        await self._compare(standings)
        self._remember(at, standings)
        return any(isinstance(standing, Replaced) for standing in standings.values())

    def stored(self, last: Mapping[Partition, Position]) -> None:
        """Records of these logs were stored: of one that was empty, something is known from now on."""
        self._seen |= {p: position for p, position in last.items() if self._seen.get(p, _NOWHERE) == _NOWHERE}

    async def _compare(self, standings: dict[Partition, Standing]) -> None:
        """A log that is another one where it was last seen is another one."""
        seen = {p: self._seen[p] for p in standings if p in self._seen}
        for partition, then in (await self._standings(seen)).items():
            if isinstance(then, Replaced):
                standings[partition] = then

    def _remember(self, at: Mapping[Partition, Position], standings: Mapping[Partition, Standing]) -> None:
        if not any(isinstance(standing, Replaced) for standing in standings.values()):
            self._seen |= {p: at[p] for p, standing in standings.items() if isinstance(standing, Continues)}

    async def _standings(self, at: Mapping[Partition, Position]) -> dict[Partition, Standing]:
        """What each log is; where the broker does not show it, it is taken for what it was, and looked at again."""
        if not at:
            return {}
        try:
            shown = await self._look.shown(at)
        except (KafkaError, TimeoutError) as failed:
            _log.warning("intake: the log could not be looked at: %s", type(failed).__name__)
            return {p: Continues(position.next_offset) for p, position in at.items()}
        return {
            p: judge(position, shown[p]) if p in shown else Continues(position.next_offset)
            for p, position in at.items()
        }

    async def _open(self, connection: asyncpg.Connection, epochs: Epochs, replaced: Mapping[str, str]) -> Epochs:
        for topic, why in sorted(replaced.items()):
            epoch = await positions.open_topic_epoch(connection, epochs, topic, why)
            _log.warning(
                "intake: the log of %s was replaced (%s): it is read from its start as epoch %d", topic, why, epoch
            )
            INTAKE_LOGS.add(1, {"pathline.reason": "replaced"})
        return await positions.read_epochs(connection, self._cluster_epoch)

    async def _start(self, connection: asyncpg.Connection, epoch: int, partition: Partition, standing: Standing) -> int:
        if isinstance(standing, Expired):
            skipped = await positions.skip_expired(
                connection, self._group, epoch, partition, (standing.at, standing.start)
            )
            if skipped and standing.at:
                _log.error(
                    "intake: %s-%d: the broker expired the records %d to %d before they were read: they are lost here; "
                    "ask their publisher to send them again, and look at the topic's retention",
                    *partition,
                    standing.at,
                    standing.start - 1,
                )
                INTAKE_LOGS.add(1, {"pathline.reason": "expired"})
            return standing.start
        return standing.at if isinstance(standing, Continues) else 0
