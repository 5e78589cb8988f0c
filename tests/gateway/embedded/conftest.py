import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pathline_gateway.embedded import Machine
from support.repository import TESTS

LIFE = TESTS / "support/postgres/machine_process.py"


def pids_at_work(data: Path) -> set[int]:
    """Every process whose working directory lies in the data directory: an oracle that shares nothing with the code."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if Path(os.readlink(entry / "cwd").removesuffix(" (deleted)")).is_relative_to(data / "."):
                    found.add(int(entry.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true within {seconds} seconds"
        time.sleep(0.01)


@dataclass
class Life:
    """A parent process, leader of its own group, with its machine once that is ready."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def machine(self) -> Machine:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return Machine(**json.loads(line))

    def kill(self) -> None:
        """Only the parent is killed, and is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def cut_power(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0

    def refusal(self) -> str:
        """What it said on stderr when it could not start."""
        said = self.process.communicate(timeout=30)[1]
        assert self.process.returncode == 1, said
        return said.strip()


@pytest.fixture
def at_work() -> Callable[[Path], set[int]]:
    return pids_at_work


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory that does not exist yet; nothing works in it after the test, however that ended."""
    place = tmp_path / "data"
    yield place
    for pid in pids_at_work(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not pids_at_work(tmp_path))


@pytest.fixture
def begin(data: Path) -> Iterator[Callable[..., Life]]:
    """Starts a life on the data directory, or another: `begin()`, `begin(place, prefix=("setpriv", …), env={…})`."""
    lives: list[Life] = []

    def begun(place: Path = data, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Life:
        process = subprocess.Popen(
            (*prefix, sys.executable, str(LIFE), str(place)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            text=True,
            start_new_session=True,
        )
        lives.append(Life(process))
        return lives[-1]

    yield begun
    for life in lives:
        with suppress(ProcessLookupError):
            os.killpg(life.pid, signal.SIGKILL)
        life.process.communicate(timeout=10)
