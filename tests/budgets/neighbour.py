"""Somebody else who asks the same gateway, from an address of her own, and how long she waits."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_QUIET_SAMPLES = 150
_LEAST_SAMPLES = 30
"""In the time of an attack; it goes on for her until she has so many."""
FLOOR_S = 0.25
"""Twice a quiet value of a few milliseconds is less than a machine of two cores takes for the attackers themselves; who
is not protected waits for seconds, or for ever."""
ADDRESS = "127.0.0.9"


def _p99(waits: list[float]) -> float:
    return sorted(waits)[int(0.99 * (len(waits) - 1))]


@dataclass
class Neighbour:
    """Asks one thing again and again, on one connection."""

    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: int = 200
    _quiet: float | None = field(default=None, init=False)

    def ask(self, connection: http.client.HTTPConnection) -> float:
        """How long one answer takes. It has to be the usual one."""
        began = time.perf_counter()
        connection.request("GET", self.path, headers=dict(self.headers))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == self.expected, answer.status
        return time.perf_counter() - began

    def connected(self) -> http.client.HTTPConnection:
        """From her own address."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(ADDRESS, 0))

    def quiet(self) -> float:
        """The 99th percentile while nobody else asks, in seconds; measured once."""
        if self._quiet is None:
            connection = self.connected()
            for _ in range(20):
                self.ask(connection)
            self._quiet = _p99([self.ask(connection) for _ in range(_QUIET_SAMPLES)])
            connection.close()
        return self._quiet

    @contextmanager
    def served_as_before(self) -> Iterator[None]:
        """While the block runs she waits at most twice as long as when it is quiet."""
        allowed = max(2 * self.quiet(), FLOOR_S)
        waits, failed, over = list[float](), list[BaseException](), threading.Event()

        def keep_asking() -> None:
            connection = self.connected()
            try:
                while not over.is_set() or len(waits) < _LEAST_SAMPLES:
                    waits.append(self.ask(connection))
                    over.wait(0.005)
            except BaseException as wrong:
                failed.append(wrong)
            finally:
                connection.close()

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            yield
        finally:
            over.set()
            asking.join(60)
        assert failed == []
        assert not asking.is_alive()
        assert _p99(waits) <= allowed, (len(waits), _p99(waits), self.quiet(), sorted(waits)[-5:])
