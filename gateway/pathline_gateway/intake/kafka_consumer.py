"""Kafka into the pipeline: batches are polled from where Postgres stands, and not from what the group says."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pathline.producer import TOPIC_PREFIX
from pathline_gateway.intake.batch_transaction import FetchedBeyondPosition
from pathline_gateway.intake.pipeline import Pipeline
from pathline_gateway.kafka.faststream_adapter import PollingConsumer
from pathline_gateway.kafka.offset_repository import Epochs, Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.kafka.start_positions import StartPositionResolver
from pathline_gateway.log_cause import because
from pathline_gateway.settings import Settings

_log = logging.getLogger(__name__)

TOPICS = re.compile("^" + re.escape(TOPIC_PREFIX) + r"[a-z0-9-]+$", re.ASCII)
"""The topics that intake consumes."""


class Consumer:
    """Consumes every `pathline.in.*` topic that the group gives to this process."""

    def __init__(
        self, settings: Settings, start_positions: StartPositionResolver, pipeline: Pipeline, progress: Progress
    ) -> None:
        self._start_positions, self._pipeline, self._progress = start_positions, pipeline, progress
        self._fetch_positions: dict[Partition, int] = {}
        self._seek_count = 0
        self._epochs: Epochs | None = None
        self._pending_commits: dict[Partition, int] = {}
        self.assigned = asyncio.Event()
        """Set once the group has given this process its partitions, and they are read from where Postgres stands."""
        self._kafka = PollingConsumer(settings, TOPICS, self)

    async def start(self) -> None:
        """Consuming begins."""
        await self._kafka.start()

    async def stop(self) -> None:
        """Consuming ends; what was stored is told to the group."""
        await self.commit()
        await self._kafka.stop()

    def partitions(self) -> set[Partition]:
        """What the group has given to this process."""
        return self._kafka.assignment()

    async def reposition(self) -> None:
        """Each partition is read from where Postgres stands, in whatever log there is now."""
        await self.on_assigned(list(self.partitions()))

    async def on_assigned(self, partitions: Sequence[Partition]) -> None:
        """Each partition is read from where Postgres stands; the group's own commits are for lag tools only."""
        self.on_revoked(partitions)
        self._epochs, start = await self._start_positions.resolve(partitions)
        self._pipeline.drop()
        self._seek(start)
        await self._progress.reset(start)
        self.assigned.set()

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Nothing is known of how far these were fetched. What was fetched is stored, or fenced by the position."""
        for partition in partitions:
            self._fetch_positions.pop(partition, None)

    def refetch(self, error: FetchedBeyondPosition) -> None:
        """These partitions are read again from where Postgres stands."""
        _log.warning(
            "records were fetched from beyond the position, and are fetched again", extra=because("beyond-position")
        )
        self._seek({p: offset for p, offset in error.next_offsets.items() if p in self.partitions()})

    def note_stored(self, next_offsets: Mapping[Partition, int]) -> None:
        """The group will be told that Postgres stands here."""
        self._pending_commits |= next_offsets

    async def idle_positions(self) -> dict[Partition, int]:
        """How far the consumer has come in partitions of which everything that it found is stored.

        That is beyond the last record where the end of a transaction stands, which is no record.
        """
        applied_offsets = self._progress.applied_offsets
        idle_partitions = [
            p for p in self.partitions() if p in applied_offsets and self._fetch_positions.get(p) == applied_offsets[p]
        ]
        positions = {p: await self._kafka.position(p) for p in idle_partitions}
        return {p: position for p, position in positions.items() if position is not None}

    async def commit(self) -> None:
        """The group knows where Postgres stands, unless it does not want to; nothing depends on it."""
        assigned_partitions = self.partitions()
        next_offsets = {p: n for p, n in self._pending_commits.items() if p in assigned_partitions}
        self._pending_commits.clear()
        if next_offsets and (refusal := await self._kafka.commit(next_offsets)) is not None:
            _log.info("advisory commit not taken: %s", type(refusal).__name__, extra=because(refusal))

    async def on_records(self, records: Sequence[Any]) -> None:
        """What one poll brought is handed to the pipeline."""
        current_records = await self._drop_stale(_group_by_partition(records))
        if not current_records or self._epochs is None:
            return
        fetched_from = {p: self._fetch_positions.get(p, rs[0].offset) for p, rs in current_records.items()}
        self._fetch_positions |= {p: rs[-1].offset + 1 for p, rs in current_records.items()}
        self._note_ends(current_records)
        await self._pipeline.enqueue(
            current_records, fetched_from, {p: self._epochs.for_topic(p[0]) for p in current_records}
        )

    async def _drop_stale(self, polled_records: Mapping[Partition, list[Any]]) -> dict[Partition, list[Any]]:
        """Those that the consumer stands after, all at once: none was sent back while others were asked about."""
        while True:
            seek_count = self._seek_count
            current_records = {p: rs for p, rs in polled_records.items() if await self._is_current(p, rs[-1].offset)}
            if seek_count == self._seek_count:
                return current_records

    async def _is_current(self, partition: Partition, last: int) -> bool:
        """Whether the consumer still stands after this record; it does not when it was sent back since the poll."""
        position = await self._kafka.position(partition)
        return position is not None and position > last

    def _seek(self, positions: Mapping[Partition, int]) -> None:
        self._seek_count += 1
        for partition, offset in positions.items():
            if self._kafka.seek(partition, offset):
                self._fetch_positions[partition] = offset

    def _note_ends(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            if (end := self._kafka.end_offset(partition)) is not None:
                self._progress.observe_end(partition, end)


def _group_by_partition(records: Iterable[Any]) -> dict[Partition, list[Any]]:
    groups: defaultdict[Partition, list[Any]] = defaultdict(list)
    for record in records:
        groups[record.topic, record.partition].append(record)
    return dict(groups)
