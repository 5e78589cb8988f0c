"""Starts and stops Kafka clients so that none is left half open, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

_CLOSE_TIMEOUT_S: Final = 2.0
_closing: Final[set[asyncio.Task[None]]] = set()


class KafkaClient(Protocol):
    """A client that opens connections when it starts."""

    async def start(self) -> Any:
        """It is connected."""


async def start_client(client: KafkaClient, stop: Callable[[], Awaitable[None]]) -> None:
    """The client has started. In vain, or cancelled: it is stopped once its start has ended, as it cannot be before."""
    starting = asyncio.create_task(_start(client))
    try:
        await asyncio.shield(starting)
    except BaseException:
        _run_on(_stop_after(starting, stop))
        raise


async def stop_client(stop: Callable[[], Awaitable[None]]) -> None:
    """The client has stopped, or nobody waits any longer: a broker that is away keeps nobody."""
    await asyncio.wait({_run_on(_stop(stop))}, timeout=_CLOSE_TIMEOUT_S)


async def finish_stopping() -> None:
    """All clients that were being stopped have stopped, or nobody waits any longer."""
    if _closing:
        await asyncio.wait(set(_closing), timeout=_CLOSE_TIMEOUT_S)


async def _start(client: KafkaClient) -> None:
    await client.start()


async def _stop(stop: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(Exception):
        await stop()


async def _stop_after(starting: asyncio.Task[None], stop: Callable[[], Awaitable[None]]) -> None:
    await asyncio.wait({starting})
    if not starting.cancelled():
        starting.exception()  # told to whoever waited for it
    await _stop(stop)


def _run_on(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    return task
