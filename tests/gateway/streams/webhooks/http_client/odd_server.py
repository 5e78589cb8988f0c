"""Real servers on loopback that answer as a test says, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.connection import HttpAnswer
from pathline_gateway.streams.webhooks.http_client.sink_url import parse_sink

TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\ncontent-length: 2\r\n\r\nok"

Answering = Callable[["Asked"], Awaitable[object]]


@dataclass
class Asked:
    """A request, and the connection that it came on."""

    connection: int
    """The first is 1."""
    nth: int
    """Of those on this connection; the first is 1."""
    head: bytes
    body: bytes
    transport: asyncio.Transport

    async def say(self, *pieces: bytes) -> None:
        """One after the other, each in a packet of its own as far as anybody can tell."""
        for piece in pieces:
            self.transport.write(piece)
            await asyncio.sleep(0)
            while self.transport.get_write_buffer_size() and not self.transport.is_closing():
                await asyncio.sleep(0)

    def close(self) -> None:
        """In order."""
        self.transport.close()

    def reset(self) -> None:
        """As a machine does that no longer knows the connection."""
        there: socket.socket = self.transport.get_extra_info("socket")
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


@dataclass
class OddServer:
    """What it was asked."""

    answering: Answering
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Connections that are no more."""
    open: set[asyncio.Transport] = field(default_factory=set)
    answers: set[asyncio.Task[object]] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_ended(self, connections: int) -> None:
        """So many connections are no more."""
        async with asyncio.timeout(10):
            while self.ended < connections:
                self.changed.clear()
                await self.changed.wait()

    async def end(self) -> None:
        for task in self.answers:
            task.cancel()
        await asyncio.gather(*self.answers, return_exceptions=True)
        for transport in list(self.open):
            transport.abort()
        await self.until_ended(self.connections)


class _Connection(asyncio.Protocol):
    def __init__(self, server: OddServer) -> None:
        self._server, self._said, self._asked = server, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._server.connections += 1
        self._nth = self._server.connections
        self._transport = cast(asyncio.Transport, transport)
        self._server.open.add(self._transport)

    def data_received(self, data: bytes) -> None:
        self._said += data
        head, end, body = self._said.partition(b"\r\n\r\n")
        if not end or len(body) < (length := int(head.partition(b"content-length: ")[2].split()[0])):
            return
        self._said, self._asked = body[length:], self._asked + 1
        asked = Asked(self._nth, self._asked, head, body[:length], self._transport)
        self._server.asked.append(asked)
        self._server.answers.add(asyncio.ensure_future(self._server.answering(asked)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self._transport)
        self._server.ended += 1
        self._server.changed.set()


@contextlib.asynccontextmanager
async def odd(answering: Answering, tls: tuple[Path, Path] | None = None) -> AsyncIterator[OddServer]:
    """A server at a free port; ends with the block. `tls`: the certificate of `sink.test`, and its key."""
    found, context = OddServer(answering), None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(found), "127.0.0.1", 0, ssl=context)
    start = "http://127.0.0.1" if tls is None else "https://sink.test"
    found.url = f"{start}:{server.sockets[0].getsockname()[1]}/events?of=care"
    try:
        yield found
    finally:
        server.close()
        await found.end()
        await server.wait_closed()


def says(*pieces: bytes) -> Answering:
    """It answers every request with this."""

    async def answer(asked: Asked) -> None:
        await asked.say(*pieces)

    return answer


async def closes(asked: Asked) -> None:
    """It reads, and closes the connection."""
    asked.close()


async def resets(asked: Asked) -> None:
    """It reads, and knows nothing of it."""
    asked.reset()


async def breaks_off(asked: Asked) -> None:
    """It begins to answer."""
    await asked.say(b"HTTP/1.1 200 O")
    asked.close()


async def hangs(_: Asked) -> None:
    """It reads, and says nothing."""
    await asyncio.Event().wait()


async def post(poster: WebhookHttpClient, server: OddServer, body: bytes = b"{}") -> HttpAnswer:
    """What it answers."""
    return await poster.send("POST", parse_sink(server.url, private=True), {"webhook-id": "1"}, body)


async def failed(poster: WebhookHttpClient, server: OddServer) -> str:
    """Why there was no answer."""
    with pytest.raises(NoAnswer) as said:
        await post(poster, server)
    return said.value.reason
