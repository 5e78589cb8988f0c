"""More intake processes for this gateway: started with it, started again when they die, and gone when it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

from pathline_gateway.log_cause import because
from pathline_gateway.settings import Settings

_log = logging.getLogger(__name__)

_RESTART_BACKOFF_S = (0.5, 30.0)
"""First and longest wait before one that ended is started again; doubled in between."""
_STABLE_AFTER_S = 60.0
"""One that ran so long had started well: the wait begins anew."""
_STOP_TIMEOUT_S = 15.0
"""Longest wait for the current batch; others read again what it had not stored."""


@contextlib.asynccontextmanager
async def run_sibling_workers(settings: Settings) -> AsyncIterator[None]:
    """As many processes consume as the settings say, this one among them."""
    tasks = [asyncio.create_task(_keep_running(settings, n)) for n in range(1, settings.intake_processes)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(settings: Settings, number: int) -> None:
    """The process runs, whatever happens to it, until this is cancelled."""
    wait, loop = _RESTART_BACKOFF_S[0], asyncio.get_running_loop()
    while True:
        started_at = loop.time()
        async with _start_process(settings) as process:
            code = await process.wait()
        wait = _RESTART_BACKOFF_S[0] if loop.time() - started_at > _STABLE_AFTER_S else wait
        _log.warning(
            "intake process %d ended with %s and is started again in %.1f s",
            number,
            code,
            wait,
            extra=because(f"exit-{code}"),
        )
        await asyncio.sleep(wait)
        wait = min(2 * wait, _RESTART_BACKOFF_S[1])


@contextlib.asynccontextmanager
async def _start_process(settings: Settings) -> AsyncIterator[Process]:
    # The end of its standard input tells it that we are gone, also where we were killed.
    command = (sys.executable, "-m", "pathline_gateway", "intake", "--until-eof")
    environment = {**os.environ, **settings.to_environment()}
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            await _stop_process(process)


async def _stop_process(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
