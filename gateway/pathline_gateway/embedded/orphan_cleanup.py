"""What an earlier life left running is found by its working directory, and ended.

Every child of ours works in a directory of the data directory that nobody else uses. A process is ours when its working
directory *is* that directory (device and inode) and we start such a command line. Process ids in files are never
believed: the kernel uses them again. Linux only; elsewhere Postgres' own lock file speaks.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import ChildFailed, DataDirectoryInUse

STOP_SIGNALS = ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Postgres on SIGQUIT stops without a checkpoint and recovers from its log, as it does after a power cut."""

PROC = Path("/proc")
_EXEC_TIMEOUT_S = 2.0
"""Longest that a process may stay without a command line. It takes a millisecond where a processor is free."""


@dataclass(frozen=True)
class Process:
    pid: int
    argv: tuple[str, ...]
    cwd: tuple[int, int]
    """Device and inode."""


def find_orphans(processes: Sequence[Process], directories: Sequence[tuple[int, int]]) -> list[Process]:
    """Those that work in one of the directories and look like a child of ours."""
    return [process for process in processes if process.cwd in directories and is_our_child(process.argv)]


def is_our_child(argv: tuple[str, ...]) -> bool:
    """A Postgres, or its initdb, or our broker: not a shell or an editor that stands in the directory."""
    program = argv[0].split(":")[0]  # Postgres' own children call themselves "postgres: checkpointer"
    return Path(program).name in ("postgres", "initdb") or "--storage-engine" in argv


async def stop_orphans(data: Path, directories: Sequence[Path]) -> int:
    """Nothing of an earlier life works in these directories any more; how many did.

    Only whoever holds the claim on `data` may call this.
    """
    directory_ids = [
        (directory_status.st_dev, directory_status.st_ino) for directory_status in map(os.stat, directories)
    ]
    orphans = await _list_orphans(directory_ids)
    for process in orphans:
        if "--single" in process.argv:  # a person at work on the files
            raise DataDirectoryInUse(data, f"a single-user Postgres, process {process.pid}")
    for stop_signal, timeout_s in STOP_SIGNALS:
        if await _signal_until_gone(directory_ids, stop_signal, timeout_s):
            return len(orphans)
    remaining = await _list_orphans(directory_ids)
    if not remaining:
        return len(orphans)
    stuck = remaining[0]
    raise ChildFailed(f"an earlier {stuck.argv[0]}", f"(process {stuck.pid}) cannot be ended", data, ())


async def _list_orphans(directory_ids: Sequence[tuple[int, int]]) -> list[Process]:
    """Those at work now. One that is just being executed has no command line yet, so it is looked at again."""
    deadline = time.monotonic() + _EXEC_TIMEOUT_S
    processes = list(list_processes())
    while time.monotonic() < deadline and any(each.cwd in directory_ids and not any(each.argv) for each in processes):
        await asyncio.sleep(0.01)
        processes = list(list_processes())
    return find_orphans(processes, directory_ids)


async def _signal_until_gone(
    directory_ids: Sequence[tuple[int, int]], stop_signal: signal.Signals, timeout_s: float
) -> bool:
    deadline = time.monotonic() + timeout_s
    signalled_pids: set[int] = set()
    while orphans := await _list_orphans(directory_ids):
        for process in orphans:
            if process.pid not in signalled_pids:
                signalled_pids.add(process.pid)
                _send_signal(process, stop_signal)
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _send_signal(process: Process, stop_signal: signal.Signals) -> None:
    """It has the signal, if it is still the process that we looked at: a descriptor stays with one process."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if _read_process(process.pid) == process:
                signal.pidfd_send_signal(descriptor, stop_signal)
        finally:
            os.close(descriptor)


def list_processes() -> Iterator[Process]:
    """Every process whose working directory we may see. Ours are always among them: we run as their user, or root."""
    if sys.platform != "linux":
        return
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (process := _read_process(int(entry.name))) is not None:
            yield process


def _read_process(pid: int) -> Process | None:
    try:
        cwd_status = os.stat(PROC / str(pid) / "cwd")
        words = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # gone, a zombie, or another user's
        return None
    return Process(pid, tuple(os.fsdecode(word) for word in words), (cwd_status.st_dev, cwd_status.st_ino))
