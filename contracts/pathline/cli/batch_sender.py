"""Delivery: several batches in flight, settled strictly in the order of the source."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from pathline.cli.batches import RecordBatch
from pathline.cli.receipt import Destination, Receipt
from pathline.cli.retry import RetryPolicy

Settle = Callable[[RecordBatch, Receipt], None]
"""Called once a batch, in order: this one and every one before it are where they belong."""


async def send_batches(
    batches: Iterable[RecordBatch],
    destination: Destination,
    settle: Settle,
    *,
    in_flight: int,
    retry_policy: RetryPolicy,
) -> None:
    """Every batch is delivered and settled.

    Raises CommandError at the first batch that cannot be. What was settled until then stays so. The next run sends
    again what was in flight.
    """
    in_flight_tasks: deque[tuple[RecordBatch, asyncio.Task[Receipt]]] = deque()
    try:
        for batch in batches:
            in_flight_tasks.append((batch, asyncio.create_task(_send_batch(batch, destination, retry_policy))))
            # Lets the request leave before the next batch is read, which takes the loop for a while.
            await asyncio.sleep(0)
            while len(in_flight_tasks) >= in_flight or (in_flight_tasks and in_flight_tasks[0][1].done()):
                await _settle_first(in_flight_tasks, settle)
        while in_flight_tasks:
            await _settle_first(in_flight_tasks, settle)
    finally:
        for _, task in in_flight_tasks:
            task.cancel()
        await asyncio.gather(*(task for _, task in in_flight_tasks), return_exceptions=True)


async def _settle_first(in_flight_tasks: deque[tuple[RecordBatch, asyncio.Task[Receipt]]], settle: Settle) -> None:
    batch, task = in_flight_tasks[0]
    receipt = await task
    in_flight_tasks.popleft()
    settle(batch, receipt)


async def _send_batch(batch: RecordBatch, destination: Destination, retry_policy: RetryPolicy) -> Receipt:
    if not batch.ready:
        return Receipt()
    events = [ready.event for ready in batch.ready]
    return await retry_policy.retry(lambda: destination.send(events))
