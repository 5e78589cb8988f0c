"""A batch of records becomes rows, in one Postgres transaction with the positions that it moves (design: intake)."""

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


async def apply_batch(connection: asyncpg.Connection, into: ApplyTarget, batch: Batch) -> BatchResult:
    """The batch is stored or parked, and the positions moved, all or nothing.

    Records below the position are skipped: another consumer stored them. Raises FetchedBeyondPosition, having changed
    nothing, when the batch leaves a gap.
    """
    known: RegistryCache = getattr(connection, "known", None) or RegistryCache()
    async with connection.transaction():
        order = dict(sorted((p, batch.epochs[p]) for p in batch.readings))
        stands = await offset_repository.lock(connection, into.group, order)
        if batch.beyond(stands):
            raise FetchedBeyondPosition(stands)
        fresh = batch.fresh(stands)
        writer = RecordWriter(connection, batch.epochs, into.register_unknown, known, into.limits)
        await writer.write(list(chain.from_iterable(fresh.values())))
        last = {p: found[-1].record for p, found in fresh.items()}
        to = {p: (record.offset + 1, offset_repository.record_digest(record)) for p, record in last.items()}
        await offset_repository.advance(connection, into.group, order, to)
        outcome = await writer.finish()
    known.learn(writer.learned)
    outcome.next_offsets = {p: max(stands[p], to[p][0] if p in to else 0) for p in batch.readings}
    outcome.epochs = batch.epochs
    outcome.last = {p: offset_repository.Position(*stands_at) for p, stands_at in to.items()}
    return outcome
