"""`up --serve N`: a process that owns the port and starts N gateways, which share it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator, Sequence
from typing import Final

from pathline_gateway.runtime.child_processes import ChildProcess, kept_running
from pathline_gateway.runtime.intake_worker_pool import sibling_workers
from pathline_gateway.runtime.listening import bind_listener
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange

_STOP_TIMEOUT_S: Final = 45.0
"""Longest wait for the answers in progress, twenty seconds at most, and for what runs beside them."""


class ServingFailed(Exception):
    """A serving process ended before it had ever served."""


@contextlib.contextmanager
def reserve_port(settings: Settings) -> Generator[int]:
    """The port is this deployment's: its processes share it, and nobody else can take it. Raises CannotListen."""
    # First as the only one: who shares a port is not told that somebody else shares it, too.
    with bind_listener(settings.host, settings.port) as alone:
        port: int = alone.getsockname()[1]
    with bind_listener(settings.host, port, shared=True):
        yield port


@contextlib.asynccontextmanager
async def run_serving_processes(settings: Settings, port: int, metrics: MetricsExchange) -> AsyncIterator[None]:
    """All of them serve; those that only consume run, too. When the block ends, answers in progress are given first.

    Raises ServingFailed where one cannot start.
    """
    serving = [_serving_process(settings, port, number, metrics) for number in range(1, settings.serve_processes + 1)]
    async with kept_running(sibling_workers(settings, metrics)), kept_running(serving):
        await _until_ready(serving)
        yield


def _serving_process(settings: Settings, port: int, number: int, metrics: MetricsExchange) -> ChildProcess:
    environment = settings.model_copy(update={"port": port}).to_environment()
    command = ("serve", "--until-eof", *metrics.flags(f"serve-{number}"))
    return ChildProcess("serve", number, command, environment, _STOP_TIMEOUT_S, ready_line=b"ready ")


async def _until_ready(children: Sequence[ChildProcess]) -> None:
    for child in children:
        waits = [asyncio.create_task(event.wait()) for event in (child.is_ready, child.has_ended)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        if not child.is_ready.is_set():
            raise ServingFailed(f"a serving process ended with {child.exit_code}: its last lines say why")
