"""`pathline-gateway intake`: a process that takes in, and answers nobody."""

from __future__ import annotations

import asyncio
import signal
import sys

from pathline_gateway.app import taking_in
from pathline_gateway.memory import settle_memory
from pathline_gateway.settings import Settings


async def take_in(settings: Settings, until_eof: bool) -> None:
    """Takes in until SIGTERM or SIGINT, or until standard input ends; the batch at hand is stored."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        await _watch_input(stop)
    async with taking_in(settings):
        settle_memory()
        await stop.wait()


async def _watch_input(stop: asyncio.Event) -> None:
    class Ended(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Ended, sys.stdin.buffer)
