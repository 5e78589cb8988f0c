"""HTTP/1.1 within bounds: how large and how slow a request may be, before anybody knows whose it is.

uvicorn with httptools has none of its own: a head is collected without end, and half a request is waited for for ever.
"""

from __future__ import annotations

import asyncio
import math
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pathline_gateway.limits.addresses import Proxies, budget_of
from pathline_gateway.limits.connections import Connections
from pathline_gateway.limits.table import Limits
from pathline_gateway.web.problem import Problem

_LINGER_S: Final = 2.0
"""How long what somebody still sends is thrown away after a refusal: so she reads it before the connection is gone."""
_LINGER_UNCOUNTED_S: Final = 0.5
"""The same, where there are too many connections already."""
_MALFORMED: Final = Problem(400, "malformed-request", "this is no HTTP request: send HTTP/1.1")


class _Phase(Enum):
    IDLE = "nothing of a next request has come"
    HEAD = "a part of a head has come"
    BODY = "the head is complete, the body is not"
    REFUSED = "what comes is thrown away"


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, one connection: it takes so much, waits so long, and says so before it closes."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        connections: Connections,
        proxies: Proxies,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits, self._counted, self._proxies = limits, connections, proxies
        self._address: str | None = None
        self._phase = _Phase.IDLE
        self._heads = self._head_bytes = 0
        """How many heads have begun, and how much of the last one has come."""
        self._body_came, self._trailers = False, 0
        """Whether the last piece had some of a body; bytes that came since one had: trailers are collected like a head.
        """
        self.until = math.inf

    # What uvicorn calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        host = "" if self.client is None else self.client[0]
        self._address = None if self._proxies.trusts(host) else budget_of(host)
        passed = self._counted.opened(self, self._address)
        if passed is not None:
            self._refuse(passed.refusal())
            self.loop.call_later(_LINGER_UNCOUNTED_S, transport.close)
            return
        self._hurry(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """She has gone, or was sent away."""
        self._counted.closed(self, self._address)
        self.until = math.inf
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request, or of several."""
        if self._phase is _Phase.REFUSED:
            return
        self._unset_keepalive_if_required()
        before, heads = self._phase, self._heads
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # answered as if it had not been asked for
            return
        except httptools.HttpParserError:
            # Whoever waits for the rest of a broken body would wait until her time is over.
            if self._phase is _Phase.BODY and self._answers:
                self._cut_off(_MALFORMED)
            else:
                self._refuse(_MALFORMED)
            return
        if self._phase is _Phase.HEAD:
            # Of the piece in which it began, another part belongs to other requests: the next piece counts.
            self._head_bytes += len(data) if heads == self._heads else 0
            self._bound_head(self._head_bytes)
        elif self._phase is _Phase.BODY and before is _Phase.BODY:
            self._trailers = 0 if self._body_came else self._trailers + len(data)
            self._body_came = False
            if self._trailers > self._limits.head_bytes:
                self._cut_off(self._limits.named("head_bytes").refusal())
        elif self._phase is _Phase.IDLE and not self._answers and self.until == math.inf:
            self._hurry(self._limits.head_s)  # empty lines, which belong to no request

    def on_message_begin(self) -> None:
        """The first letter of a request."""
        super().on_message_begin()
        if self._phase is _Phase.REFUSED:
            return
        self._phase, self._head_bytes = _Phase.HEAD, 0
        self._heads += 1
        self._hurry(self._limits.head_s)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._phase is _Phase.REFUSED:
            return
        if not self._bound_head(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)):
            return
        if len(self.pipeline) >= self._limits.pipelined:
            self._refuse(None)
            return
        self._phase, self._trailers = _Phase.BODY, 0
        self._hurry(self._limits.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if self._phase is not _Phase.REFUSED:
            self._body_came = True
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if self._phase is _Phase.REFUSED:
            return
        self._phase, self.until = _Phase.IDLE, math.inf
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered; what is still to come of its body is thrown away, for a while."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._hurry(self._limits.stalled_s)
        elif self._phase is _Phase.BODY and not self._answers:
            self._hurry(_LINGER_S)

    def timeout_keep_alive_handler(self) -> None:
        """No other request has come."""
        super().timeout_keep_alive_handler()
        self._hurry(self._limits.stalled_s)

    def pause_writing(self) -> None:
        """She does not read what she asked for."""
        super().pause_writing()
        self._hurry(self._limits.stalled_s)

    def resume_writing(self) -> None:
        """She reads again."""
        super().resume_writing()
        self.until = math.inf if self._phase is _Phase.IDLE else self.loop.time() + self._limits.body_s

    # What `Connections` asks.

    @property
    def waits(self) -> bool:
        """Whether nothing is being answered."""
        return not self._answers

    def give_up(self) -> None:
        """It ends at once."""
        self._counted.closed(self, self._address)
        self.transport.abort()

    def overdue(self) -> None:
        """Whoever did not send in time what she began is told; whoever does not read is not."""
        phase, self.until = self._phase, math.inf
        if self.transport.is_closing() or self.flow.write_paused:
            self.give_up()
        elif phase is _Phase.REFUSED and not self._answers:
            self.transport.close()
            self._hurry(_LINGER_S)
        elif self.flow.read_paused or (phase is _Phase.HEAD and self._answers):
            self._hurry(self._limits.body_s)  # it is us who do not read yet
        elif phase is _Phase.HEAD:
            self._refuse(self._limits.named("head_s").refusal())
        elif phase is _Phase.BODY and self._answers:
            self._cut_off(self._limits.named("body_s").refusal())
        elif phase is not _Phase.REFUSED:
            self.transport.close()
            self._hurry(_LINGER_S)

    @property
    def _answers(self) -> bool:
        """Whether a request of this connection is being answered."""
        cycle = cast(RequestResponseCycle | None, self.cycle)
        return cycle is not None and not cycle.response_complete

    def _hurry(self, seconds: float) -> None:
        self.until = self.loop.time() + seconds

    def _bound_head(self, size: int) -> bool:
        """Whether the head may be so large, with as many fields as it has now; it is refused otherwise."""
        over = "head_bytes" if size > self._limits.head_bytes else "head_fields"
        if over == "head_fields" and len(self.headers) <= self._limits.head_fields:
            return True
        self._refuse(self._limits.named(over).refusal())
        return False

    def _cut_off(self, problem: Problem) -> None:
        """It is answered here, where nothing of the answer was sent; the application learns that nobody waits."""
        if not self.pipeline and not self.cycle.response_started:
            self.cycle.disconnected = self.cycle.response_complete = True
            self.cycle.message_event.set()
            self._refuse(problem)
        else:
            self.transport.close()
            self._hurry(_LINGER_S)

    def _refuse(self, problem: Problem | None) -> None:
        """Takes nothing more, and says why where nothing else is being said."""
        self._phase = _Phase.REFUSED
        if self.transport.is_closing():
            return
        if self._answers and not self.pipeline:
            self.cycle.keep_alive = False  # closed after the answer
        elif problem is None or self._answers:
            self.transport.close()
            self._hurry(_LINGER_S)
        else:
            self.transport.write(_written(problem))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._hurry(_LINGER_S)


def _written(problem: Problem) -> bytes:
    answer = problem.response()
    fields = [*answer.raw_headers, (b"connection", b"close")]
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n".encode()
    return head + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + bytes(answer.body)
