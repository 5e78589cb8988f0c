"""`pathline-gateway intake`: a process that consumes, and answers nobody."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from pathline_gateway.runtime.gateway import run_intake
from pathline_gateway.runtime.gc_tuning import freeze_gc
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange

_STOP_TIMEOUT_S = 30
"""Longest that storing the current batch may take once we are asked to end; then the kernel ends us.

Nothing is lost by that. A process whose broker and Postgres went with its parent would wait for them for ever.
"""


async def run_intake_worker(settings: Settings, metrics: MetricsExchange, until_eof: bool) -> None:
    """Consumes until SIGTERM or SIGINT, or until standard input ends; the current batch is stored."""
    shutdown = _Leaving(asyncio.current_task())
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, shutdown.begin)
    if until_eof:
        await watch_input(shutdown.begin)
    try:
        async with metrics.served(), run_intake(settings):
            freeze_gc()
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not shutdown.is_requested:
            raise


class _Leaving:
    """Ends the work once, wherever it is: it may still be waiting for a broker that is gone."""

    def __init__(self, work: asyncio.Task[None] | None) -> None:
        self._work, self.is_requested = work, False

    def begin(self) -> None:
        """The work is cancelled, and has so long to end."""
        if not self.is_requested and self._work is not None:
            self.is_requested = True
            signal.alarm(_STOP_TIMEOUT_S)
            self._work.cancel()


async def watch_input(on_end: Callable[[], None]) -> None:
    """Called once standard input ends: with the process that started this one."""

    class Input(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            on_end()

    await asyncio.get_running_loop().connect_read_pipe(Input, sys.stdin.buffer)
