"""The exclusive claim of a data directory: a kernel lock, so a dead holder leaves nothing to clean up."""

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .errors import DataDirectoryInUse, DataDirectoryNotWritable, EmbeddedError, PathTooLong

LOCK_FILE = "claim"
"""The file under the data directory that is locked; it names the holder's process."""

LOCK_TIMEOUT_S = 1.0
"""Seconds for a holder that was just killed to be gone for the kernel too."""

NAME_MAX = 255
"""Bytes of one part of a path on the file systems we know."""


@asynccontextmanager
async def claim_directory(data: Path) -> AsyncIterator[Path]:
    """The data directory exists, resolved, and is ours alone until the block is left or this process dies."""
    directory = _make_directory(data)
    descriptor = _open_lock_file(directory / LOCK_FILE)
    try:
        await _acquire_lock(descriptor, directory)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield directory
    finally:
        os.close(descriptor)


def is_claimed(directory: Path) -> bool:
    """Whether a living process holds the claim."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _make_directory(data: Path) -> Path:
    try:
        directory = data.expanduser().resolve()
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise unwritable_error(data, error) from error
    return directory


def _open_lock_file(lock_file: Path) -> int:
    try:
        return os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable_error(lock_file.parent, error) from error


def unwritable_error(path: Path, error: OSError | RuntimeError) -> EmbeddedError:
    """What it means for a data directory that this file operation failed."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENAMETOOLONG:
        return PathTooLong(path, NAME_MAX)
    if code in (errno.EEXIST, errno.ENOTDIR):
        return DataDirectoryNotWritable(path, "it is, or lies under, a file", "choose a directory")
    return DataDirectoryNotWritable(path, (isinstance(error, OSError) and error.strerror) or str(error))


async def _acquire_lock(descriptor: int, directory: Path) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise DataDirectoryInUse(directory, read_holder(descriptor))
        await asyncio.sleep(0.02)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return f"process {pid}" if pid else "another process"
