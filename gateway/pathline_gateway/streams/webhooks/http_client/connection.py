"""One connection to a server: a request is written at once, and its answer is read within a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from pathline_gateway.streams.webhooks.http_client.response_parser import BadAnswer, ResponseParser

MAX_BODY_S: Final = 2.0
"""Longest read of a body, so that the connection may be used again: the status is known by then."""


class ConnectionLost(Exception):
    """The connection ended before there was an answer.

    `response_started`: some of one came; `is_abrupt`: the connection was not closed in order.
    """

    def __init__(self, *, response_started: bool, is_abrupt: bool) -> None:
        self.response_started, self.is_abrupt = response_started, is_abrupt
        super().__init__("the connection ended before there was an answer")


class HttpAnswer(NamedTuple):
    """What a server answered, without what it wrote."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    seconds: float
    """Until its headers were there."""


class HttpConnection(asyncio.Protocol):
    """A connection to one server, for one request at a time."""

    def __init__(self) -> None:
        self.is_open = False
        """Neither side closed it."""
        self.used_at = 0.0
        """When the last answer came, in monotonic time."""
        self._loop = asyncio.get_running_loop()
        self._parser = ResponseParser()
        self._waiter: asyncio.Future[None] | None = None

    async def send_request(self, request: bytes, started_at: float, deadline: float) -> HttpAnswer:
        """The answer; times are monotonic. Raises TimeoutError, Lost, BadAnswer; it is open no more then."""
        if not self.is_open or self._transport.is_closing():
            raise ConnectionLost(response_started=False, is_abrupt=False)
        parser = self._parser
        parser.begin()
        self._headers_at = 0.0
        self._deadline = deadline
        self._waiter = waiter = self._loop.create_future()
        self._timer = self._loop.call_later(deadline - time.monotonic(), self._on_timeout)
        self._transport.write(request)
        try:
            await waiter
        except BaseException:  # cancelled, too
            parser.is_reusable = False
            raise
        finally:
            self._waiter = None
            self._timer.cancel()
            # A server that answers what it has not read yet may never read it, nor what comes after.
            if not parser.is_reusable or self._transport.get_write_buffer_size():
                self.close()
        self.used_at = self._headers_at
        return HttpAnswer(parser.status, parser.headers, self._headers_at - started_at)

    def close(self) -> None:
        """Closes it, and drops what was not written yet."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, as all that follow are."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Some of the answer; or what nobody asked for, after which nothing is trusted."""
        waiter, parser = self._waiter, self._parser
        if waiter is None or waiter.done():
            parser.is_reusable = False
            self.close()
            return
        try:
            parser.feed(data)
        except BadAnswer as error:
            waiter.set_exception(error)
            return
        if parser.status and not self._headers_at:
            self._headers_at = time.monotonic()
            if not parser.is_complete:
                self._timer.cancel()
                self._timer = self._loop.call_later(
                    min(MAX_BODY_S, self._deadline - self._headers_at), self._on_timeout
                )
        if parser.is_complete:
            waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed it, or we did."""
        self.is_open = False
        self._parser.is_reusable = False
        self._finish(ConnectionLost(response_started=self._parser.has_started, is_abrupt=exc is not None))

    def _on_timeout(self) -> None:
        self._finish(TimeoutError())

    def _finish(self, error: Exception) -> None:
        """No more is waited for: without a status, it failed."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._parser.status:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
