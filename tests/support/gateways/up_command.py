"""`pathline-gateway up` as a process: what it says, which processes it has, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from support.gateways.process import free_port
from support.preloaded import CommandProcess

COMMAND = str(Path(sys.executable).with_name("pathline-gateway"))


class Up:
    """One `up`, its output and its descendants."""

    def __init__(self, data: Path, *flags: str, out: Path, port: int | None = None, executed: bool = False) -> None:
        """`executed`: as the command that a user types, and not from a process that has its code already."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out = out
        words = ["up", "--embedded", "--dev-auth", "off", "--data", str(data), "--port", str(self.port), *flags]
        self.out.write_text("")
        self.process: CommandProcess | subprocess.Popen[bytes]
        if not executed:
            self.process = CommandProcess(words, os.environ, out)
            return
        with out.open("a") as output:
            self.process = subprocess.Popen(
                [COMMAND, *words], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def output(self) -> str:
        return self.out.read_text()

    def ready(self) -> Up:
        wait_until(lambda: f"ready {self.url}" in self.output() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.output()
        return self

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def wait_until(holds: Callable[[], object], what: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def still_running(processes: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Which of these have not ended by then. One that has ended stays a zombie for as long as its parent likes."""
    end, running = time.monotonic() + timeout, list(processes)
    while (running := [each for each in running if _runs(each)]) and time.monotonic() < end:
        time.sleep(0.05)
    return running


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
