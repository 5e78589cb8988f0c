"""Delivery: several batches in flight, settled strictly in the order of the source."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from pathline.cli.batches import Batch
from pathline.cli.receipt import Receipt, Receiver
from pathline.cli.retry import Patience

Settle = Callable[[Batch, Receipt], None]
"""Called once a batch, in order: this one and every one before it are where they belong."""


async def deliver(
    batches: Iterable[Batch], receiver: Receiver, settle: Settle, *, in_flight: int, patience: Patience
) -> None:
    """Every batch is delivered and settled.

    Raises Stopped at the first batch that cannot be; what was settled until then stays so, and what was in flight is
    sent again by the next run.
    """
    waiting: deque[tuple[Batch, asyncio.Task[Receipt]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, asyncio.create_task(_one(batch, receiver, patience))))
            # Lets the request leave before the next batch is read, which takes the loop for a while.
            await asyncio.sleep(0)
            while len(waiting) >= in_flight or (waiting and waiting[0][1].done()):
                await _settle_first(waiting, settle)
        while waiting:
            await _settle_first(waiting, settle)
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def _settle_first(waiting: deque[tuple[Batch, asyncio.Task[Receipt]]], settle: Settle) -> None:
    batch, task = waiting[0]
    receipt = await task
    waiting.popleft()
    settle(batch, receipt)


async def _one(batch: Batch, receiver: Receiver, patience: Patience) -> Receipt:
    if not batch.ready:
        return Receipt()
    events = [ready.event for ready in batch.ready]
    return await patience.insist(lambda: receiver.send(events))
