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

CHILD_EXEC = Path(__file__).with_name("child_exec.py")

POLL_INTERVAL_S = 0.01
"""Seconds between two looks at a condition."""

MAX_LOG_BYTES = 16 * 1024 * 1024
"""Bytes of a log that are kept before a start moves it to `.1`."""

TAIL_BYTES = 16 * 1024
"""Bytes of a log that a failure quotes from."""

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "NO_COLOR": "1"}
"""All that a child inherits: nobody's PGDATA, RUST_LOG or STORAGE_ENGINE changes what it does."""

StopSignals = tuple[tuple[signal.Signals, float], ...]
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
    stop_signals: StopSignals
    account: OsAccount | None = None
    stdin: bytes = b""


class Child:
    """A running child process, leader of a session of its own: a Ctrl-C in the terminal reaches only us."""

    def __init__(self, command: Command) -> None:
        self.command = command
        with open_log(command.log) as log:
            self._log_start = log.tell()
            self._process = spawn(command, log)
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
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    async def wait_for_exit(self, timeout_s: float) -> bool:
        """Whether it ended within that many seconds."""
        deadline = time.monotonic() + timeout_s
        while self.exit_code is None and time.monotonic() < deadline:
            await asyncio.sleep(POLL_INTERVAL_S)
        return self.exit_code is not None

    async def stop(self) -> None:
        """It has ended: asked first, forced last."""
        for stop_signal, timeout_s in self.command.stop_signals:
            self._send_signal(stop_signal)
            if await self.wait_for_exit(timeout_s):
                return

    def stop_now(self) -> None:
        """It has ended, without the event loop: for a stop that is itself cancelled."""
        for stop_signal in (self.command.on_orphaned, signal.SIGKILL):
            self._send_signal(stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
                return

    def _send_signal(self, stop_signal: signal.Signals) -> None:
        if self.exit_code is not None:
            return
        with suppress(ProcessLookupError):
            # What initdb started has no reason to outlive it; Postgres ends its own.
            (os.killpg if stop_signal == signal.SIGKILL else os.kill)(self.pid, stop_signal)

    def failure(self, cause: str | None = None) -> ChildFailed:
        cause = cause or f"ended with {describe_exit(self.exit_code)}"
        return ChildFailed(self.name, cause, self.command.log, self.tail())

    def tail(self) -> tuple[str, ...]:
        """The last lines that it logged since it was started."""
        try:
            log = self.command.log.open("rb")
        except OSError:  # the data directory was removed under us
            return ()
        with log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - TAIL_BYTES))
            return tuple(line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip())


class Children:
    """Those that one block started."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def start(self, command: Command) -> Child:
        """Must be called from a thread that lives as long as the child shall: the kernel takes it for the parent."""
        child = Child(command)
        self._children.append(child)
        return child

    async def wait_for_loss(self) -> Child:
        """The first that ended by itself."""
        while True:
            for child in self._children:
                if child.exit_code is not None:
                    return child
            await asyncio.sleep(25 * POLL_INTERVAL_S)

    def forget(self, child: Child) -> None:
        """Its end was intended: it counts as no loss."""
        self._children.remove(child)

    async def stop_all(self) -> None:
        try:
            await asyncio.gather(*(child.stop() for child in self._children))
        finally:
            for child in self._children:
                child.stop_now()


@asynccontextmanager
async def children() -> AsyncIterator[Children]:
    """Whatever was started inside has ended, however the block is left."""
    child_group = Children()
    try:
        yield child_group
    finally:
        await child_group.stop_all()


def spawn(command: Command, log: BinaryIO) -> subprocess.Popen[bytes]:
    account_ids = ("-", "-") if command.account is None else (str(command.account.uid), str(command.account.gid))
    exec_prefix = (
        sys.executable,
        "-I",
        "-S",
        str(CHILD_EXEC),
        str(os.getpid()),
        str(int(command.on_orphaned)),
        *account_ids,
    )
    try:
        return subprocess.Popen(
            (*exec_prefix, *command.argv),
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


def open_log(log: Path) -> BinaryIO:
    """The log, open for appending; what an earlier life wrote is moved aside once it is large."""
    try:
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")
    except OSError as error:
        raise DataDirectoryNotWritable(log, error.strerror or str(error)) from error


def describe_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
