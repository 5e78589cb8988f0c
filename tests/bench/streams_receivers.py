"""All who receive streams under load, in one process: listeners and sinks, as bare as asyncio has them.

Speaks lines of JSON: says the ports of its sinks; is told {"listen": […], "port", "slow", "refuse", "hang"} and says
when all are connected; tells how many events came whenever it is asked for {"count": true}; at {"write": FILE} it
writes down every receipt and ends.

    python -m bench.streams_receivers SINKS
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import uvloop

SLOW_S: Final = 2.0
_FRAME: Final = re.compile(rb'id: n(\d+)\ndata: [^\n]*?"id":"load-(\d+)"')
_POSTED: Final = re.compile(rb'"id":"load-(\d+)"')
_NUMBER: Final = re.compile(rb'"number":(\d+)')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_AGAIN_S: Final = 0.2
_AGREED: Final = b"HTTP/1.1 200 OK\r\nwebhook-allowed-origin: *\r\ncontent-length: 0\r\n\r\n"
_TAKEN: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receipt(NamedTuple):
    """One event, at one receiver."""

    receiver: int
    event: int
    number: int
    at: float
    """Monotonic seconds, which all processes of a machine share."""


class Listener(asyncio.Protocol):
    """A stream, taken up again where it was cut off."""

    def __init__(self, index: int, path: str, port: int, receipts: list[Receipt], headers: str) -> None:
        self._index, self._path, self._port, self._receipts, self._headers = index, path, port, receipts, headers
        self._last = 0
        self._rest = b""
        self.connected = asyncio.Event()
        self.reconnections = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._rest = b""
        said = f"GET {self._path} HTTP/1.1\r\nhost: bench\r\nlast-event-id: n{self._last}\r\n{self._headers}\r\n"
        cast(asyncio.Transport, transport).write(said.encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._rest += data
        if not self.connected.is_set():
            if b"retry: 1000" not in self._rest:
                return
            self.connected.set()
        # Frames hold no empty line, and none of the sizes of chunks lies within one.
        whole, end, rest = self._rest.rpartition(b"\n\n")
        if end:
            self._rest = rest
            for number, event in _FRAME.findall(whole):
                self._last = int(number)
                self._receipts.append(Receipt(self._index, int(event), self._last, now))

    def connection_lost(self, _: Exception | None) -> None:
        self.reconnections += 1
        self.begin()


class Sink(asyncio.Protocol):
    """One connection to a sink."""

    def __init__(self, of: Sinks, index: int) -> None:
        self._of, self._index = of, index
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = cast(asyncio.Transport, transport)
        self._of.open[self._index].add(self._out)

    def connection_lost(self, _: Exception | None) -> None:
        self._of.open[self._index].discard(self._out)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) < (0 if length is None else int(length[1])):
            return
        self._rest = b""
        if head.startswith(b"OPTIONS"):
            self._out.write(_AGREED)
        elif self._index in self._of.slow:
            asyncio.get_running_loop().call_later(SLOW_S, self._take, body)
        elif self._index not in self._of.hanging:
            self._take(body)

    def _take(self, body: bytes) -> None:
        if self._out.is_closing():
            return
        event, number = _POSTED.search(body), _NUMBER.search(body)
        if event is not None and number is not None:
            receipt = Receipt(self._of.first + self._index, int(event[1]), int(number[1]), time.monotonic())
            self._of.receipts.append(receipt)
        self._out.write(_TAKEN)


class Sinks:
    """All sinks, each at a port of its own."""

    def __init__(self, n: int) -> None:
        self.receipts: list[Receipt] = []
        self.open: list[set[asyncio.Transport]] = [set() for _ in range(n)]
        self.slow: frozenset[int] = frozenset()
        self.hanging: frozenset[int] = frozenset()
        self.first = 0
        self.servers: list[asyncio.Server] = []

    async def start(self) -> list[int]:
        """Their ports."""
        for index in range(len(self.open)):
            server = await asyncio.get_running_loop().create_server(partial(Sink, self, index), "127.0.0.1", 0)
            self.servers.append(server)
        return [server.sockets[0].getsockname()[1] for server in self.servers]

    def refuse(self, indexes: list[int]) -> None:
        """Nobody listens there any more."""
        for index in indexes:
            self.servers[index].close()
            for transport in list(self.open[index]):
                transport.abort()


async def receive(n: int) -> None:
    """Until it is told to write down what came."""
    said = await _lines()
    sinks = Sinks(n)
    _say({"ports": await sinks.start()})
    listeners: list[Listener] = []
    async for told in said:
        command: dict[str, Any] = json.loads(told)
        if "listen" in command:
            sinks.first = len(command["listen"])
            sinks.slow, sinks.hanging = frozenset(command["slow"]), frozenset(command["hang"])
            sinks.refuse(command["refuse"])
            for index, (path, headers) in enumerate(command["listen"]):
                listeners.append(Listener(index, path, command["port"], sinks.receipts, headers))
                listeners[-1].begin()
                if index % 50 == 49:
                    await listeners[-1].connected.wait()
            await asyncio.gather(*(each.connected.wait() for each in listeners))
            _say({"connected": len(listeners)})
        elif "count" in command:
            _say({"count": len({each[:3] for each in sinks.receipts})})
        else:
            Path(command["write"]).write_text(json.dumps(sinks.receipts))
            _say({"reconnections": sum(each.reconnections for each in listeners)})
            return


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1])))
