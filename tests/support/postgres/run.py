"""The process of the shared Postgres begins and ends with the run of tests; its place is told to every worker."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pathline_gateway.embedded import Machine
from support.initialised_data import PLACE as INITIALISED
from support.postgres.databases import MIGRATED, SOCKET, Databases, drop_copies
from support.repository import TESTS

_PLACE = "PATHLINE_TESTS_POSTGRES"
"""The environment variable by which workers know the place."""


_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes that must be free in memory for tests to have their files there."""


class Run:
    """A run of tests, in the process that was started by the user: with workers or without."""

    def __init__(self, config: pytest.Config) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="pathline-tests-", dir=_memory()))
        self._place.chmod(0o755)  # Postgres refuses root, and runs as another account
        if config.option.basetemp is None:
            config.option.basetemp = str(self._place / "tmp")
        self._begun = subprocess.Popen(
            [sys.executable, "-m", "support.postgres.process", self._place / "postgres"],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        os.environ[_PLACE] = str(self._place / "postgres")
        os.environ[INITIALISED] = str(self._place / "initialised")
        assert self._begun.stdout is not None
        assert self._begun.stdout.readline() == b"listening\n"

    def end(self, *, keep: bool) -> str | None:
        """Postgres has ended. What tests wrote is gone, or its place is told."""
        self._begun.communicate(timeout=60)
        if not keep:
            shutil.rmtree(self._place, ignore_errors=True)
        return str(self._place / "tmp") if self._place.exists() else None


def _memory() -> Path | None:
    """Where files are written without waiting for a disk; None where that has too little room.

    No test cuts the power, so none needs a disk: what a killed process has written is there all the same.
    """
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY


def groups_place() -> Path:
    """Where workers say which tests belong together."""
    return Path(os.environ[_PLACE]) / "groups.json"


def shared_address() -> str:
    """The address of the shared Postgres, which runs from now on."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(240)
        client.connect(str(Path(os.environ[_PLACE]) / SOCKET))
        reply = b""
        while part := client.recv(4096):
            reply += part
    if reply.startswith(b"!"):
        raise RuntimeError(reply[1:].decode())
    return reply.decode()


@pytest.fixture(scope="session")
def machine() -> Machine:
    """The Postgres of this run, and no broker: `fresh_database` makes a database of it."""
    return Machine(kafka="", database=shared_address(), cluster_id="", first_start=False)


@pytest.fixture(scope="session")
def postgres() -> Databases:
    """The Postgres of this run; its `dsn` is a migrated database of this worker's own."""
    name = f"worker_{secrets.token_hex(6)}"
    shared = Databases(shared_address())
    asyncio.run(shared.execute(f"create database {name} template {MIGRATED} strategy file_copy"))
    return Databases(shared.database(name), name)


def dropped_between_modules(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Databases live as long as their module's tests follow each other."""
    if nextitem is None or nextitem.path != item.path:
        drop_copies()
