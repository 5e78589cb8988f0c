"""A loop ends when it is told to, in whatever moment that is, and whatever a library makes of the cancellation."""

from __future__ import annotations

import asyncio

import pytest

from pathline_gateway.background import supervisor as background
from pathline_gateway.background.health import Health
from pathline_gateway.background.poll_or_wake import poll_or_wake
from pathline_gateway.background.supervisor import Loop, supervised


@pytest.mark.parametrize("steps", range(8))
async def test_one_that_is_woken_and_cancelled_at_once_ends(steps: int) -> None:
    wake = asyncio.Event()

    async def nothing() -> None:
        """There is never anything to do."""

    task = asyncio.create_task(poll_or_wake("hand-offs", nothing, 60, wake, Health()))
    await asyncio.sleep(0.01)
    wake.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()


async def test_one_whose_work_swallows_a_cancellation_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_CANCEL_AGAIN_S", 0.05)
    started, swallowed, stopped = asyncio.Event(), 0, 0

    async def swallows_three() -> None:
        nonlocal swallowed
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1
            if swallowed > 3:
                raise

    async def stop() -> None:
        nonlocal stopped
        stopped += 1

    async with asyncio.timeout(30), supervised(Loop("hand-offs", swallows_three, 60, on_stop=stop), Health()):
        await started.wait()
    assert swallowed >= 1
    assert stopped == 1
