"""Processes of this deployment that another starts: started again when they die, and gone when it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pathline_gateway.log_cause import because
from pathline_gateway.telemetry.instruments import PROCESS_RESTARTS

_log = logging.getLogger(__name__)

_RESTART_BACKOFF_S: Final = (0.5, 30.0)
"""First and longest wait before one that ended is started again; doubled in between."""
_STABLE_AFTER_S: Final = 60.0
"""One that ran so long had started well: the wait begins anew."""


@dataclass
class ChildProcess:
    """One that is kept running."""

    kind: str
    """What it does, in a word: for log lines, and as the metric's attribute."""
    number: int
    command: Sequence[str]
    """Behind `python -m pathline_gateway`."""
    environment: Mapping[str, str]
    stop_timeout_s: float
    """Longest wait for its end once it is asked to end."""
    ready_line: bytes | None = None
    """The first words of the line by which it says that it is ready; None where it says nothing."""
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    """It has been ready once."""
    exit_code: int | None = None
    """Of the last that ended."""
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    """One has ended by itself."""
    process: Process | None = None

    async def keep_running(self) -> None:
        """It runs, whatever happens to it, until this is cancelled."""
        wait, loop = _RESTART_BACKOFF_S[0], asyncio.get_running_loop()
        while True:
            started_at = loop.time()
            async with self._started() as process:
                await self._forward_output(process)
                self.exit_code = await process.wait()
            self.has_ended.set()
            wait = _RESTART_BACKOFF_S[0] if loop.time() - started_at > _STABLE_AFTER_S else wait
            PROCESS_RESTARTS.add(1, {"pathline.process": self.kind})
            _log.warning(
                "%s process %d ended with %s and is started again in %.1f s",
                self.kind,
                self.number,
                self.exit_code,
                wait,
                extra=because(f"exit-{self.exit_code}"),
            )
            await asyncio.sleep(wait)
            wait = min(2 * wait, _RESTART_BACKOFF_S[1])

    @contextlib.asynccontextmanager
    async def _started(self) -> AsyncIterator[Process]:
        # The end of its standard input tells it that we are gone, also where we were killed.
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pathline_gateway", *self.command),
            stdin=asyncio.subprocess.PIPE,
            stdout=None if self.ready_line is None else asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        try:
            yield self.process
        finally:
            if self.process.returncode is None:
                await self._stop(self.process)

    async def _forward_output(self, process: Process) -> None:
        """What it prints is printed, but for the line by which it says that it is ready."""
        if self.ready_line is None:
            return
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(self.ready_line):
                self.is_ready.set()
            elif not self.is_ready.is_set() and self.number == 1:  # each says the same at its start
                sys.stdout.write(line.decode(errors="replace"))
                sys.stdout.flush()

    async def _stop(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            # Its output is read on: it must not wait for us while we wait for it.
            await asyncio.wait_for(process.communicate(), self.stop_timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def kept_running(children: Sequence[ChildProcess]) -> AsyncIterator[None]:
    """They run as long as the block does; then all are asked to end at once, and have ended."""
    tasks = [asyncio.create_task(child.keep_running()) for child in children]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
