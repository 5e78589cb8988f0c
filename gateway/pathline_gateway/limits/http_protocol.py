"""HTTP/1.1 within bounds: how large and how slow a request may be, before anybody knows whose it is.

uvicorn with httptools has no bounds of its own. It collects a head without end, and waits for half a request for ever.
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

from pathline_gateway.limits.addresses import Proxies, budget_key
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
        self._limits, self._open_connections, self._proxies = limits, connections, proxies
        self._address: str | None = None
        self._phase = _Phase.IDLE
        self._head_count = self._head_bytes = 0
        """How many heads have begun, and how much of the last one has come."""
        self._has_body_data, self._trailer_bytes = False, 0
        """Whether the last piece had some of a body; bytes that came since one had: trailers are collected like a head.
        """
        self.deadline = math.inf

    # What uvicorn calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is open."""
        super().connection_made(transport)
        host = "" if self.client is None else self.client[0]
        self._address = None if self._proxies.trusts(host) else budget_key(host)
        exceeded_limit = self._open_connections.register(self, self._address)
        if exceeded_limit is not None:
            self._refuse(exceeded_limit.refusal())
            self.loop.call_later(_LINGER_UNCOUNTED_S, transport.close)
            return
        self._set_deadline(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """She has gone, or was sent away."""
        self._open_connections.unregister(self, self._address)
        self.deadline = math.inf
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request, or of several."""
        if self._phase is _Phase.REFUSED:
            return
        self._unset_keepalive_if_required()
        phase_before, heads_before = self._phase, self._head_count
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # answered as if it had not been asked for
            return
        except httptools.HttpParserError:
            # Whoever waits for the rest of a broken body would wait until her time is over.
            if self._phase is _Phase.BODY and self._is_answering:
                self._cancel_request(_MALFORMED)
            else:
                self._refuse(_MALFORMED)
            return
        if self._phase is _Phase.HEAD:
            # Of the piece in which it began, another part belongs to other requests: the next piece counts.
            self._head_bytes += len(data) if heads_before == self._head_count else 0
            self._check_head(self._head_bytes)
        elif self._phase is _Phase.BODY and phase_before is _Phase.BODY:
            self._trailer_bytes = 0 if self._has_body_data else self._trailer_bytes + len(data)
            self._has_body_data = False
            if self._trailer_bytes > self._limits.head_bytes:
                self._cancel_request(self._limits.named_limit("head_bytes").refusal())
        elif self._phase is _Phase.IDLE and not self._is_answering and self.deadline == math.inf:
            self._set_deadline(self._limits.head_s)  # empty lines, which belong to no request

    def on_message_begin(self) -> None:
        """The first letter of a request."""
        super().on_message_begin()
        if self._phase is _Phase.REFUSED:
            return
        self._phase, self._head_bytes = _Phase.HEAD, 0
        self._head_count += 1
        self._set_deadline(self._limits.head_s)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._phase is _Phase.REFUSED:
            return
        if not self._check_head(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)):
            return
        if len(self.pipeline) >= self._limits.pipelined:
            self._refuse(None)
            return
        self._phase, self._trailer_bytes = _Phase.BODY, 0
        self._set_deadline(self._limits.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if self._phase is not _Phase.REFUSED:
            self._has_body_data = True
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if self._phase is _Phase.REFUSED:
            return
        self._phase, self.deadline = _Phase.IDLE, math.inf
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered; what is still to come of its body is thrown away, for a while."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._set_deadline(self._limits.stalled_s)
        elif self._phase is _Phase.BODY and not self._is_answering:
            self._set_deadline(_LINGER_S)

    def timeout_keep_alive_handler(self) -> None:
        """No other request has come."""
        super().timeout_keep_alive_handler()
        self._set_deadline(self._limits.stalled_s)

    def pause_writing(self) -> None:
        """She does not read what she asked for."""
        super().pause_writing()
        self._set_deadline(self._limits.stalled_s)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.deadline = math.inf if self._phase is _Phase.IDLE else self.loop.time() + self._limits.body_s

    # What `Connections` asks.

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered."""
        return not self._is_answering

    def abort(self) -> None:
        """Closes the connection at once."""
        self._open_connections.unregister(self, self._address)
        self.transport.abort()

    def on_overdue(self) -> None:
        """Whoever did not send in time what she began is told; whoever does not read is not."""
        phase, self.deadline = self._phase, math.inf
        if self.transport.is_closing() or self.flow.write_paused:
            self.abort()
        elif phase is _Phase.REFUSED and not self._is_answering:
            self.transport.close()
            self._set_deadline(_LINGER_S)
        elif self.flow.read_paused or (phase is _Phase.HEAD and self._is_answering):
            self._set_deadline(self._limits.body_s)  # it is us who do not read yet
        elif phase is _Phase.HEAD:
            self._refuse(self._limits.named_limit("head_s").refusal())
        elif phase is _Phase.BODY and self._is_answering:
            self._cancel_request(self._limits.named_limit("body_s").refusal())
        elif phase is not _Phase.REFUSED:
            self.transport.close()
            self._set_deadline(_LINGER_S)

    @property
    def _is_answering(self) -> bool:
        """Whether a request of this connection is being answered."""
        cycle = cast(RequestResponseCycle | None, self.cycle)
        return cycle is not None and not cycle.response_complete

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds

    def _check_head(self, size: int) -> bool:
        """Whether the head may be so large, with as many fields as it has now; it is refused otherwise."""
        limit_field = "head_bytes" if size > self._limits.head_bytes else "head_fields"
        if limit_field == "head_fields" and len(self.headers) <= self._limits.head_fields:
            return True
        self._refuse(self._limits.named_limit(limit_field).refusal())
        return False

    def _cancel_request(self, problem: Problem) -> None:
        """It is answered here, where nothing of the answer was sent; the application learns that nobody waits."""
        if not self.pipeline and not self.cycle.response_started:
            self.cycle.disconnected = self.cycle.response_complete = True
            self.cycle.message_event.set()
            self._refuse(problem)
        else:
            self.transport.close()
            self._set_deadline(_LINGER_S)

    def _refuse(self, problem: Problem | None) -> None:
        """Takes nothing more, and says why where nothing else is being said."""
        self._phase = _Phase.REFUSED
        if self.transport.is_closing():
            return
        if self._is_answering and not self.pipeline:
            self.cycle.keep_alive = False  # closed after the answer
        elif problem is None or self._is_answering:
            self.transport.close()
            self._set_deadline(_LINGER_S)
        else:
            self.transport.write(_render_response(problem))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._set_deadline(_LINGER_S)


def _render_response(problem: Problem) -> bytes:
    answer = problem.to_response()
    fields = [*answer.raw_headers, (b"connection", b"close")]
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n".encode()
    return head + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + bytes(answer.body)
