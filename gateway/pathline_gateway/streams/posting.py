"""One request to a sink: bounded in time and in what is read of its answer, and never redirected."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

import httpcore

from pathline_gateway.streams.addresses import Reach
from pathline_gateway.streams.connecting import AddressRefused, Guarded, Resolve, resolved
from pathline_gateway.streams.policy import Policy
from pathline_gateway.streams.sink_url import Sink

_READ_OF_AN_ANSWER: Final = 16_384
_READ_FOR_S: Final = 2.0
_KEPT_S: Final = 4.0
"""Servers that close idle connections do so after five seconds or more."""


_Server = tuple[Reach, str]
"""Scheme, name and port, and where connections for it may go."""


class NoAnswer(Exception):
    """There was no answer; `reason` as in `outcome.NO_ANSWER`."""

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(reason)


class Answer(NamedTuple):
    """What a sink answered, without what it wrote."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    seconds: float


class Poster:
    """Sends requests to sinks. One for a process: its connections are kept for the next event."""

    def __init__(self, policy: Policy, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whom to trust; the system's authorities where nothing is said."""
        self._policy = policy
        self._tls = tls or ssl.create_default_context()
        self._backends = {reach: Guarded(reach, resolve) for reach in Reach}
        self._idle: defaultdict[_Server, list[httpcore.AsyncHTTPConnection]] = defaultdict(list)
        self._looked = time.monotonic()

    async def send(self, method: str, sink: Sink, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """What the sink answers. Raises NoAnswer."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._policy.request_s):
                return await self._send(method, sink, headers, body, began)
        except AddressRefused:
            reason = "address-refused"
        except (TimeoutError, httpcore.TimeoutException):
            reason = "timed-out"
        except (httpcore.NetworkError, OSError):
            reason = "unreachable"
        except Exception:  # whatever else a sink does to a client is the sink's failure, and nobody else's
            reason = "bad-answer"
        raise NoAnswer(reason, time.monotonic() - began)

    async def _send(self, method: str, sink: Sink, headers: Mapping[str, str], body: bytes, began: float) -> Answer:
        timeouts = {"connect": self._policy.connect_s, "read": self._policy.request_s, "write": self._policy.request_s}
        said = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._let_go()
        async with (
            self._connection(sink) as connection,
            connection.stream(method, sink.url, headers=said, content=body, extensions={"timeout": timeouts}) as answer,
        ):
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            seconds = time.monotonic() - began
            await _read(answer.aiter_stream())
            return Answer(answer.status, found, seconds)

    @contextlib.asynccontextmanager
    async def _connection(self, sink: Sink) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """One to this server that nobody else uses as long as the block lasts; kept after it, where it can be."""
        # Kept here and not in a pool of httpcore's, which looks at all of its connections for every request, twice.
        origin = httpcore.URL(sink.url).origin
        server = sink.reach, str(origin)
        connection = await self._kept(server) or httpcore.AsyncHTTPConnection(
            origin, self._tls, keepalive_expiry=_KEPT_S, network_backend=self._backends[sink.reach]
        )
        try:
            yield connection
        finally:
            if connection.is_idle() and not connection.is_closed():
                self._idle[server].append(connection)
            else:
                await connection.aclose()

    async def _kept(self, server: _Server) -> httpcore.AsyncHTTPConnection | None:
        """The one that was used last; those that the server closed meanwhile are closed."""
        while self._idle[server]:
            connection = self._idle[server].pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _let_go(self) -> None:
        """Connections that were not used for a while are closed."""
        now = time.monotonic()
        if now - self._looked < _KEPT_S:
            return
        self._looked = now
        for server in list(self._idle):
            expired = [each for each in self._idle[server] if each.has_expired()]
            self._idle[server] = [each for each in self._idle[server] if each not in expired]
            if not self._idle[server]:
                del self._idle[server]
            for each in expired:
                await each.aclose()

    async def aclose(self) -> None:
        """No connection is left."""
        while self._idle:
            for connection in self._idle.popitem()[1]:
                await connection.aclose()


async def _read(stream: AsyncIterator[bytes]) -> None:
    """The body is read, so that the connection may be used again, unless it is long; a status was given by then."""
    left = _READ_OF_AN_ANSWER
    with contextlib.suppress(httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, TimeoutError):
        async with asyncio.timeout(_READ_FOR_S):
            async for some in stream:
                left -= len(some)
                if left < 0:
                    return
