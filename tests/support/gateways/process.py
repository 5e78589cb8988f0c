"""A running gateway, started as a user starts it, and spoken to over HTTP."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx

from support.initialised_data import copy_initialised
from support.preloaded import CommandProcess

START_S = 240.0
"""A start is eight seconds of a processor, of which beside other tests there is little."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Gateway:
    """`pathline-gateway up` on a free port: of the embedded machine, or of what the environment names."""

    def __init__(
        self, data: Path, environment: Mapping[str, str] = MappingProxyType({}), *, embedded: bool = True
    ) -> None:
        self.data = data
        self.machine = ["--embedded", "--data", str(data)] if embedded else []
        self.environment = environment
        self.dev_auth = "off"
        self.log = data.parent / "up.log"
        if embedded and not data.exists():
            copy_initialised(data)
        self.start()

    def start(self) -> None:
        command = ["up", "--dev-auth", self.dev_auth, *self.machine, "--port", "0"]
        length_before = self.log.stat().st_size if self.log.exists() else 0
        self.process = CommandProcess(command, {**os.environ, **self.environment}, self.log)
        try:
            self.until(lambda: self._said_ready(length_before), "the gateway said where it listens", START_S)
            self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
            self.until(self._answers, "the gateway is ready", START_S)
        except BaseException:  # nobody else ends what has not begun
            self._ended()
            raise

    def _said_ready(self, length_before: int) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"up ended with {self.process.returncode}: {self.log.read_text()[-800:]}")
        text = self.log.read_text() if self.log.exists() else ""
        ready = re.search(r"ready http://127\.0\.0\.1:(\d+)\n", text[length_before:])
        if ready is not None:
            self.port = int(ready[1])
        return ready is not None

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"up ended with {self.process.returncode}: {self.log.read_text()[-800:]}")
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def until(self, holds: object, what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not holds():  # type: ignore[operator]
            if time.monotonic() > end:
                raise AssertionError(f"not in {seconds} s: {what}; {self.log.read_text()[-800:]}")
            time.sleep(0.02)

    def settled(self) -> dict[str, int]:
        """The status once nothing waits. A gateway on a busy machine may say "later" with a 503 or a 504."""
        found: dict[str, int] = {}

        def nothing_waits() -> bool:
            answer = self.http.get("/v1/status")
            assert answer.status_code in (200, 503, 504), answer.text
            if answer.status_code == 200:
                found.update(answer.json())
            return found.get("lag") == 0

        self.until(nothing_waits, "no lag")
        return found

    def kill(self) -> None:
        # The process first: a thread that waits for its answer is told by the socket that it is gone. Of a socket that
        # is closed under it, it learns nothing, and waits at whatever is opened next under the same number.
        self._ended()
        self.http.close()

    def _ended(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise
        return self.process.wait()


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Gateway]:
    gateway = Gateway(folder / "data", environment)
    try:
        yield gateway
    finally:
        gateway.stop()
    shutil.rmtree(gateway.data)  # hundreds of them would fill the memory that tests write in
