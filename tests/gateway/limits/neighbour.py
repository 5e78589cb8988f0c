"""Somebody else who asks the same gateway, from an address and in a process of her own: how long does she wait for it?

What counts is the gateway, and not who else uses the machine. So the time is left out in which the kernel let her, or
the thread of the gateway's event loop, wait for a processor although there was something to do.

python neighbour.py PORT PATH HEADERS PID     reads `begin` and `end`, and writes how long answers took
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LEAST_SAMPLES = 150
"""She goes on until she has so many, also where an attack is over sooner."""
_FLOOR_S = (0.02, 0.15)
"""Of the median and of the 99th percentile: twice a quiet value of few milliseconds is less than Postgres, which has
processors to wait for as well, takes now and then. Who is not protected waits for seconds, or for ever."""
ADDRESS = "127.0.0.9"


def _usual_and_worst(waits: list[float]) -> tuple[float, float]:
    """The median, and the 99th percentile."""
    ordered = sorted(waits)
    return ordered[len(waits) // 2], ordered[int(0.99 * (len(waits) - 1))]


@dataclass
class Neighbour:
    """Asks one thing again and again, on one connection."""

    port: int
    path: str
    pid: int
    """The process of the gateway."""
    headers: Mapping[str, str] = field(default_factory=dict)
    _quiet: tuple[float, float] | None = field(default=None, init=False)
    _clock: tuple[float, float] = field(default=(0.0, 0.0), init=False)
    """The same two by the clock."""
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def _say(self, word: str) -> None:
        if self._process is None:
            command = [
                sys.executable,
                __file__,
                str(self.port),
                self.path,
                json.dumps(dict(self.headers)),
                str(self.pid),
            ]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)

    def _waits(self) -> list[float]:
        """For the gateway, of each request in seconds."""
        self._say("end")
        assert self._process is not None
        assert self._process.stdout is not None
        waits = json.loads(self._process.stdout.readline())
        self._clock = _usual_and_worst([took for _, took in waits])
        return [wait for wait, _ in waits]

    def quiet(self) -> tuple[float, float]:
        """Median and 99th percentile while nobody else asks, in seconds; measured once."""
        if self._quiet is None:
            for _ in range(2):  # what is prepared once is prepared the first time
                self._say("begin")
                self._quiet = _usual_and_worst(self._waits())
        assert self._quiet is not None
        return self._quiet

    @contextmanager
    def served_as_before(self) -> Iterator[None]:
        """While the block runs she is answered 200, and waits at most twice as long as when it is quiet."""
        allowed = [max(2 * quiet, floor) for quiet, floor in zip(self.quiet(), _FLOOR_S, strict=True)]
        self._say("begin")
        try:
            yield
        finally:
            waits = self._waits()
        usual, worst = _usual_and_worst(waits)
        clock = "by the clock {:.4f} s, {:.4f} s".format(*self._clock)
        print(f"median {usual:.4f} s, p99 {worst:.4f} s of {len(waits)}, {clock}; quiet {self._quiet}")
        assert usual <= allowed[0], (usual, worst, self._quiet, len(waits))
        assert worst <= allowed[1], (usual, worst, self._quiet, len(waits))

    def gone(self) -> None:
        """She asks nothing more."""
        if self._process is not None:
            self._process.communicate()


def _queued(*threads: str) -> float:
    """For how many seconds so far the kernel had these threads wait for a processor; 0 where it does not say."""
    with contextlib.suppress(OSError):
        return sum(int(Path(f"/proc/{thread}/schedstat").read_text().split()[1]) for thread in threads) / 1e9
    return 0.0


def _asks(port: int, path: str, headers: Mapping[str, str], pid: int) -> None:
    over = threading.Event()

    def keep_asking() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(ADDRESS, 0))
        waits: list[tuple[float, float]] = []
        threads = f"{pid}/task/{pid}", f"self/task/{threading.get_native_id()}"
        while not over.is_set() or len(waits) < _LEAST_SAMPLES:
            began, queued = time.perf_counter(), _queued(*threads)
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter() - began
            waits.append((max(0.0, took - (_queued(*threads) - queued)), took))
            assert answer.status == 200, answer.status
            over.wait(0.002)
        connection.close()
        print(json.dumps(waits), flush=True)

    asking = threading.Thread(target=keep_asking)
    for line in sys.stdin:
        if line == "begin\n":
            over.clear()
            asking = threading.Thread(target=keep_asking)
            asking.start()
        else:
            over.set()
            asking.join()


if __name__ == "__main__":
    _asks(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
