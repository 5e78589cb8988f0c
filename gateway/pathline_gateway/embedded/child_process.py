"""Child processes that outlive neither their parent nor the block that started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import ChildFailed, DataDirectoryNotWritable
from .os_account import OsAccount

LAUNCH = Path(__file__).with_name("child_exec.py")

POLL = 0.01
"""Seconds between two looks at a condition."""

LOG_KEPT = 16 * 1024 * 1024
"""Bytes of a log that are kept before a start moves it to `.1`."""

TAIL = 16 * 1024
"""Bytes of a log that a failure quotes from."""

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "NO_COLOR": "1"}
"""All that a child inherits: nobody's PGDATA, RUST_LOG or STORAGE_ENGINE changes what it does."""

Ending = tuple[tuple[signal.Signals, float], ...]
"""Signals in order, each with the seconds to wait before the next."""


@dataclass(frozen=True)
class Command:
    """What to start. `cwd` is a directory of ours alone: it is how a later life recognises what an earlier one left."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    log: Path
    on_orphaned: signal.Signals
    """Sent by the kernel when our process dies."""
    ending: Ending
    account: OsAccount | None = None
    stdin: bytes = b""


class Child:
    """A running child process, leader of a session of its own: a Ctrl-C in the terminal reaches only us."""

    def __init__(self, command: Command) -> None:
        self.command = command
        with opened_log(command.log) as log:
            self._logged_before = log.tell()
            self._process = launched(command, log)
        if self._process.stdin is not None:
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(command.stdin)

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    async def ended(self, within: float) -> bool:
        """Whether it ended within that many seconds."""
        deadline = time.monotonic() + within
        while self.code is None and time.monotonic() < deadline:
            await asyncio.sleep(POLL)
        return self.code is not None

    async def end(self) -> None:
        """It has ended: asked first, forced last."""
        for order, patience in self.command.ending:
            self._signal(order)
            if await self.ended(patience):
                return

    def end_now(self) -> None:
        """It has ended, without the event loop: for a stop that is itself cancelled."""
        for order in (self.command.on_orphaned, signal.SIGKILL):
            self._signal(order)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
                return

    def _signal(self, order: signal.Signals) -> None:
        if self.code is not None:
            return
        with suppress(ProcessLookupError):
            # What initdb started has no reason to outlive it; Postgres ends its own.
            (os.killpg if order == signal.SIGKILL else os.kill)(self.pid, order)

    def failure(self, happened: str | None = None) -> ChildFailed:
        happened = happened or f"ended with {ending_words(self.code)}"
        return ChildFailed(self.name, happened, self.command.log, self.tail())

    def tail(self) -> tuple[str, ...]:
        """The last lines that it logged since it was started."""
        try:
            log = self.command.log.open("rb")
        except OSError:  # the data directory was removed under us
            return ()
        with log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._logged_before, size - TAIL))
            return tuple(line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip())


class Children:
    """Those that one block started."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    def start(self, command: Command) -> Child:
        """Must be called from a thread that lives as long as the child shall: the kernel takes it for the parent."""
        child = Child(command)
        self._all.append(child)
        return child

    async def lost(self) -> Child:
        """The first that ended by itself."""
        while True:
            for child in self._all:
                if child.code is not None:
                    return child
            await asyncio.sleep(25 * POLL)

    def forget(self, child: Child) -> None:
        """Its ending was meant."""
        self._all.remove(child)

    async def end(self) -> None:
        try:
            await asyncio.gather(*(child.end() for child in self._all))
        finally:
            for child in self._all:
                child.end_now()


@asynccontextmanager
async def children() -> AsyncIterator[Children]:
    """Whatever was started inside has ended, however the block is left."""
    started = Children()
    try:
        yield started
    finally:
        await started.end()


def launched(command: Command, log: BinaryIO) -> subprocess.Popen[bytes]:
    who = ("-", "-") if command.account is None else (str(command.account.uid), str(command.account.gid))
    launch = (sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(command.on_orphaned)), *who)
    try:
        return subprocess.Popen(
            (*launch, *command.argv),
            cwd=command.cwd,
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise ChildFailed(
            command.name, f"cannot be started in {command.cwd} ({error.strerror})", command.log, ()
        ) from error


def opened_log(log: Path) -> BinaryIO:
    """The log, open for appending; what an earlier life wrote is moved aside once it is large."""
    try:
        if log.exists() and log.stat().st_size > LOG_KEPT:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")
    except OSError as error:
        raise DataDirectoryNotWritable(log, error.strerror or str(error)) from error


def ending_words(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
