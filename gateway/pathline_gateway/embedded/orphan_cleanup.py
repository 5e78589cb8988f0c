"""What an earlier life left running is found by its working directory, and ended.

Every child of ours works in a directory of the data directory that nobody else uses. A process is taken for ours when
its working directory *is* that directory (device and inode) and its command line is one that we start. Process ids in
files are never believed: they are given out again. Linux only; elsewhere Postgres' own lock file speaks.
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

ENDING = ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Postgres on SIGQUIT stops without a checkpoint and recovers from its log, as it does after a power cut."""

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    pid: int
    argv: tuple[str, ...]
    cwd: tuple[int, int]
    """Device and inode."""


def left_behind(processes: Sequence[Process], directories: Sequence[tuple[int, int]]) -> list[Process]:
    """Those that work in one of the directories and look like a child of ours."""
    return [process for process in processes if process.cwd in directories and looks_ours(process.argv)]


def looks_ours(argv: tuple[str, ...]) -> bool:
    """A Postgres, or its initdb, or our broker: not a shell or an editor that stands in the directory."""
    program = argv[0].split(":")[0]  # Postgres' own children call themselves "postgres: checkpointer"
    return Path(program).name in ("postgres", "initdb") or "--storage-engine" in argv


async def leftovers_ended(data: Path, directories: Sequence[Path]) -> int:
    """Nothing of an earlier life works in these directories any more; how many did.

    Only whoever holds the claim on `data` may call this.
    """
    places = [(seen.st_dev, seen.st_ino) for seen in map(os.stat, directories)]
    first = left_behind(list(running_processes()), places)
    for process in first:
        if "--single" in process.argv:  # a person at work on the files
            raise DataDirectoryInUse(data, f"a single-user Postgres, process {process.pid}")
    for order, patience in ENDING:
        if await _gone(places, order, patience):
            return len(first)
    stuck = left_behind(list(running_processes()), places)[0]
    raise ChildFailed(f"an earlier {stuck.argv[0]}", f"(process {stuck.pid}) cannot be ended", data, ())


async def _gone(places: Sequence[tuple[int, int]], order: signal.Signals, patience: float) -> bool:
    deadline = time.monotonic() + patience
    told: set[int] = set()
    while found := left_behind(list(running_processes()), places):
        for process in found:
            if process.pid not in told:
                told.add(process.pid)
                _signal(process, order)
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _signal(process: Process, order: signal.Signals) -> None:
    """It was told, if it is still the process that we looked at: a descriptor does not pass to the next of that id."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if _read(process.pid) == process:
                signal.pidfd_send_signal(descriptor, order)
        finally:
            os.close(descriptor)


def running_processes() -> Iterator[Process]:
    """Every process whose working directory we may see. Ours are always among them: we run as their user, or root."""
    if sys.platform != "linux":
        return
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (process := _read(int(entry.name))) is not None:
            yield process


def _read(pid: int) -> Process | None:
    try:
        seen = os.stat(PROC / str(pid) / "cwd")
        words = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # gone, a zombie, or another user's
        return None
    return Process(pid, tuple(os.fsdecode(word) for word in words), (seen.st_dev, seen.st_ino))
