"""A Kafka broker from a wheel, on a free port, gone with the block that asked for it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pathline_gateway.embedded.broker import find_broker_program

_PROCESSES: dict[str, subprocess.Popen[bytes]] = {}
"""Brokers by address."""


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """The address of a Tansu broker that answers; its log is in the folder."""
    port = _free_port()
    url = f"tcp://127.0.0.1:{port}"
    storage = ("--storage-engine", "memory://tansu/")
    argv = (find_broker_program(), "broker", "--listener-url", url, "--advertised-listener-url", url, *storage)
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while not _answers(port):
            assert process.poll() is None, (folder / "broker.log").read_text()
            assert time.monotonic() < deadline, "the broker did not answer within 10 seconds"
            time.sleep(0.01)
        _PROCESSES[f"127.0.0.1:{port}"] = process
        yield f"127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def freeze(address: str) -> None:
    """The broker answers nobody until it is thawed; its port still takes connections."""
    os.killpg(_PROCESSES[address].pid, signal.SIGSTOP)


def thaw(address: str) -> None:
    """It goes on where it was."""
    os.killpg(_PROCESSES[address].pid, signal.SIGCONT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
