"""One connection to a server: a request is written at once, and its answer is read within a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from pathline_gateway.streams.webhooks.http_client.response_parser import BadAnswer, ResponseParser

REST_S: Final = 2.0
"""The body is read for so long, so that the connection may be used again: a status was given by then."""


class ConnectionLost(Exception):
    """The connection ended before there was an answer.

    `begun`: some of one came; `broken`: the connection was not closed in order.
    """

    def __init__(self, *, begun: bool, broken: bool) -> None:
        self.begun, self.broken = begun, broken
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
        self._answers = ResponseParser()
        self._waiter: asyncio.Future[None] | None = None

    async def ask(self, request: bytes, began: float, until: float) -> HttpAnswer:
        """The answer; times are monotonic. Raises TimeoutError, Lost, BadAnswer; it is open no more then."""
        if not self.is_open or self._transport.is_closing():
            raise ConnectionLost(begun=False, broken=False)
        answers = self._answers
        answers.begin()
        self._headed_at = 0.0
        self._until = until
        self._waiter = waiter = self._loop.create_future()
        self._timer = self._loop.call_later(until - time.monotonic(), self._time_is_up)
        self._transport.write(request)
        try:
            await waiter
        except BaseException:  # cancelled, too
            answers.again = False
            raise
        finally:
            self._waiter = None
            self._timer.cancel()
            # A server that answers what it has not read yet may never read it, nor what comes after.
            if not answers.again or self._transport.get_write_buffer_size():
                self.close()
        self.used_at = self._headed_at
        return HttpAnswer(answers.status, answers.headers, self._headed_at - began)

    def close(self) -> None:
        """It is used no more, and what was not written yet is not written."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, as all that follow are."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Some of the answer; or what nobody asked for, after which nothing is trusted."""
        waiter, answers = self._waiter, self._answers
        if waiter is None or waiter.done():
            answers.again = False
            self.close()
            return
        try:
            answers.feed(data)
        except BadAnswer as bad:
            waiter.set_exception(bad)
            return
        if answers.status and not self._headed_at:
            self._headed_at = time.monotonic()
            if not answers.over:
                self._timer.cancel()
                self._timer = self._loop.call_later(min(REST_S, self._until - self._headed_at), self._time_is_up)
        if answers.over:
            waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed it, or we did."""
        self.is_open = False
        self._answers.again = False
        self._end(ConnectionLost(begun=self._answers.begun, broken=exc is not None))

    def _time_is_up(self) -> None:
        self._end(TimeoutError())

    def _end(self, failed: Exception) -> None:
        """No more is waited for: without a status, it failed."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._answers.status:
            waiter.set_result(None)
        else:
            waiter.set_exception(failed)
