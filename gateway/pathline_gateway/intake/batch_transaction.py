"""Stores one batch and moves its Kafka positions in one Postgres transaction, or changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

import asyncpg

from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.record_writer import BatchResult, RecordWriter
from pathline_gateway.kafka import offset_repository
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache


class FetchedBeyondPosition(Exception):
    """The batch was fetched from beyond where Postgres stands: an earlier batch failed. Seek to `next_offsets`."""

    def __init__(self, next_offsets: Mapping[Partition, int]) -> None:
        self.next_offsets = next_offsets
        super().__init__("the batch was fetched from beyond the position")


@dataclass(frozen=True)
class ApplyTarget:
    """For which group a batch is applied, and whether an unknown organisation is entered at its first event."""

    group: str
    register_unknown: bool
    limits: Limits = field(default_factory=Limits)


async def apply_batch(connection: asyncpg.Connection, target: ApplyTarget, batch: Batch) -> BatchResult:
    """The batch is stored or parked, and the positions moved, all or nothing.

    Records below the position are skipped: another consumer stored them. Raises FetchedBeyondPosition, having changed
    nothing, when the batch leaves a gap.
    """
    registry: RegistryCache = getattr(connection, "known", None) or RegistryCache()
    async with connection.transaction():
        order = dict(sorted((p, batch.epochs[p]) for p in batch.parsed_records))
        positions = await offset_repository.lock(connection, target.group, order)
        if batch.leaves_gap(positions):
            raise FetchedBeyondPosition(positions)
        unapplied_records = batch.unapplied_records(positions)
        writer = RecordWriter(connection, batch.epochs, target.register_unknown, registry, target.limits)
        await writer.write(list(chain.from_iterable(unapplied_records.values())))
        last_records = {p: partition_records[-1].record for p, partition_records in unapplied_records.items()}
        new_positions = {
            p: (record.offset + 1, offset_repository.record_digest(record)) for p, record in last_records.items()
        }
        await offset_repository.advance(connection, target.group, order, new_positions)
        result = await writer.finish()
    registry.learn(writer.registry_additions)
    result.next_offsets = {
        p: max(positions[p], new_positions[p][0] if p in new_positions else 0) for p in batch.parsed_records
    }
    result.epochs = batch.epochs
    result.last_positions = {p: offset_repository.Position(*new_position) for p, new_position in new_positions.items()}
    return result
