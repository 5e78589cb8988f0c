"""A batch is stored, whatever it takes: tried again while Postgres is away, taken apart where a record is at fault."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from pathline_gateway.background.error_classification import Unstorable, is_cut, is_of_the_data, name_of
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, FetchedBeyondPosition, apply_batch
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_writer import BatchResult

_log = logging.getLogger(__name__)

_BACKOFF_S = (0.05, 5.0)
"""First and longest wait before a batch is tried again; doubled in between."""
_CUT = 6
"""How often in a row the connection must break over a batch before a record is looked for: for about three seconds."""


@dataclass
class BatchPersister:
    """Stores batches, one after the other. `stored` is told of each outcome once it is committed."""

    pool: asyncpg.Pool
    into: ApplyTarget
    stored: Callable[[BatchResult], Awaitable[None]]
    failing_since: float | None = None
    """When storing began to fail, by the monotonic clock; None while it works."""

    async def persist(self, batch: Batch) -> None:
        """The batch is stored or parked. Raises FetchedBeyondPosition when it must be fetched again."""
        wait, cut = _BACKOFF_S[0], 0
        while (failed := await self._failure(batch)) is not None:
            # Where Postgres hangs up each time that it gets this batch, and is there otherwise, the batch is at fault.
            cut = cut + 1 if is_cut(failed) and await self._answers() else 0
            if (is_of_the_data(failed) or cut >= _CUT) and not _is_given_up(batch):
                return await self._apart(batch, failed)
            self._failing(failed)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _BACKOFF_S[1])
        self.failing_since = None

    async def _answers(self) -> bool:
        """Whether Postgres takes a connection and answers on it."""
        try:
            return bool(await self.pool.fetchval("select true"))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def _failure(self, batch: Batch) -> Exception | None:
        """Why the batch is not stored; None when it is."""
        try:
            async with self.pool.acquire() as connection:
                outcome = await apply_batch(connection, self.into, batch)
        except FetchedBeyondPosition:
            raise
        except Exception as failed:  # the edge of intake: nothing ends it, and nothing is dropped
            return failed
        await self.stored(outcome)
        return None

    async def _apart(self, batch: Batch, failed: Exception) -> None:
        """Each half alone, down to the record at fault, which is parked."""
        if len(batch) > 1:
            for half in batch.halves():
                await self.persist(half)
            return
        (reading,) = next(iter(batch.readings.values()))
        _log.error("intake: a record cannot be stored and is parked: %s", name_of(failed))
        org = reading.org if isinstance(reading, Parked) else reading.ref[0]
        detail = f"the database does not take it ({name_of(failed)}): tell those who develop Pathline"
        again = isinstance(reading, Parked) and reading.reason == Unstorable.reason
        parked = Parked(reading.record, Unstorable.reason, detail, None, org, by_position=again)
        await self.persist(batch.with_only(parked))

    def _failing(self, failed: Exception) -> None:
        if self.failing_since is None:
            self.failing_since = time.monotonic()
            _log.warning("intake: a batch was not stored and is tried again: %s", name_of(failed))


def _is_given_up(batch: Batch) -> bool:
    """Whether this is one record, of which nothing is to be stored but where it stands."""
    readings = [reading for found in batch.readings.values() for reading in found]
    return len(readings) == 1 and isinstance(readings[0], Parked) and readings[0].by_position
