"""Retries a batch until it is stored: again while Postgres is away, and in parts where one record is at fault."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from pathline_gateway.background.data_errors import Unstorable, is_connection_lost, is_data_error
from pathline_gateway.background.health import Health
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, FetchedBeyondPosition, apply_batch
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_writer import BatchResult
from pathline_gateway.log_cause import because, error_label

_log = logging.getLogger(__name__)

WORK: Final = "intake-storing"
_BACKOFF_S = (0.05, 5.0)
"""First and longest wait before a batch is tried again; doubled in between."""
_MAX_CONNECTION_LOSSES = 6
"""How often in a row the connection must break over a batch before a record is looked for: for about three seconds."""


@dataclass
class BatchPersister:
    """Stores batches, one after the other. `on_stored` is told of each outcome once it is committed."""

    pool: asyncpg.Pool
    target: ApplyTarget
    on_stored: Callable[[BatchResult], Awaitable[None]]
    health: Health = field(default_factory=Health)
    failing_since: float | None = None
    """When storing began to fail, by the monotonic clock; None while it works."""

    async def persist(self, batch: Batch) -> None:
        """The batch is stored or parked. Raises FetchedBeyondPosition when it must be fetched again."""
        wait, connection_losses = _BACKOFF_S[0], 0
        while (error := await self._try_apply(batch)) is not None:
            # Where Postgres hangs up each time that it gets this batch, and is there otherwise, the batch is at fault.
            connection_losses = (
                connection_losses + 1 if is_connection_lost(error) and await self._is_postgres_up() else 0
            )
            if (is_data_error(error) or connection_losses >= _MAX_CONNECTION_LOSSES) and not _is_position_only(batch):
                return await self._split_or_park(batch, error)
            self._note_failure(error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _BACKOFF_S[1])
        self.failing_since = None
        self.health.record_success(WORK)

    async def _is_postgres_up(self) -> bool:
        """Whether Postgres takes a connection and answers on it."""
        try:
            return bool(await self.pool.fetchval("select true"))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def _try_apply(self, batch: Batch) -> Exception | None:
        """Why the batch is not stored; None when it is."""
        try:
            async with self.pool.acquire() as connection:
                result = await apply_batch(connection, self.target, batch)
        except FetchedBeyondPosition:
            raise
        except Exception as error:  # the edge of intake: nothing ends it, and nothing is dropped
            return error
        await self.on_stored(result)
        return None

    async def _split_or_park(self, batch: Batch, error: Exception) -> None:
        """Each half alone, down to the record at fault, which is parked."""
        if len(batch) > 1:
            for half in batch.halves():
                await self.persist(half)
            return
        (parsed_record,) = next(iter(batch.parsed_records.values()))
        _log.error("a record cannot be stored and is parked: %s", error_label(error), extra=because(error))
        org = parsed_record.org if isinstance(parsed_record, Parked) else parsed_record.ref[0]
        detail = f"the database does not take it ({error_label(error)}): tell those who develop Pathline"
        already_unstorable = isinstance(parsed_record, Parked) and parsed_record.reason == Unstorable.reason
        parked = Parked(parsed_record.record, Unstorable.reason, detail, None, org, position_only=already_unstorable)
        await self.persist(batch.with_only(parked))

    def _note_failure(self, error: Exception) -> None:
        self.failing_since = self.failing_since or time.monotonic()
        self.health.record_failure(WORK, error)


def _is_position_only(batch: Batch) -> bool:
    """Whether this is one record, of which nothing is to be stored but where it stands."""
    parsed_records = [
        parsed_record for partition_records in batch.parsed_records.values() for parsed_record in partition_records
    ]
    return len(parsed_records) == 1 and isinstance(parsed_records[0], Parked) and parsed_records[0].position_only
