"""Somebody else who asks the same gateway, from an address and in a process of her own: how long does she wait?

python neighbour.py PORT PATH HEADERS     reads `begin` and `end`, and writes how long answers took
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_LEAST_SAMPLES = 150
"""She goes on until she has so many, also where an attack is over sooner."""
_FLOOR_S = (0.25, 1.0)
"""Of the median and of the 99th percentile. Twice a quiet value of few milliseconds is less than a machine of two busy
cores takes for the attackers themselves; who is not protected waits for seconds, or for ever."""
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
    headers: Mapping[str, str] = field(default_factory=dict)
    _quiet: tuple[float, float] | None = field(default=None, init=False)
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def _say(self, word: str) -> None:
        if self._process is None:
            command = [sys.executable, __file__, str(self.port), self.path, json.dumps(dict(self.headers))]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)

    def _waits(self) -> list[float]:
        self._say("end")
        assert self._process is not None
        assert self._process.stdout is not None
        return list(json.loads(self._process.stdout.readline()))

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
        print(f"median {usual:.4f} s, p99 {worst:.4f} s of {len(waits)}; quiet {self._quiet}")
        assert usual <= allowed[0], (usual, worst, self._quiet, len(waits))
        assert worst <= allowed[1], (usual, worst, self._quiet, len(waits))

    def gone(self) -> None:
        """She asks nothing more."""
        if self._process is not None:
            self._process.communicate()


def _asks(port: int, path: str, headers: Mapping[str, str]) -> None:
    over = threading.Event()

    def keep_asking() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(ADDRESS, 0))
        waits: list[float] = []
        while not over.is_set() or len(waits) < _LEAST_SAMPLES:
            began = time.perf_counter()
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            waits.append(time.perf_counter() - began)
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
    _asks(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
