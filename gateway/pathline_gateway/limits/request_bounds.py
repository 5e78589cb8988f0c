"""How large the body of a request may be, and how long its answer may take, whatever route it is for."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.auth.middleware import Explain
from pathline_gateway.limits.request_groups import GROUP_SCOPE_KEY, RequestGroup, classify_request
from pathline_gateway.limits.table import Limits
from pathline_gateway.log_cause import because
from pathline_gateway.web.problem import Problem

_log = logging.getLogger(__name__)

_UNSUPPORTED_ENCODING: Final = Problem(
    415,
    "unsupported-content-encoding",
    "content-encoding: compressed bodies are not taken; send the body as it is",
    headers={"accept-encoding": "identity"},
)
_CHECK_EVERY_S: Final = 0.25
"""How much later than it is late a request is noticed."""
_DISCONNECT: Final[Message] = {"type": "http.disconnect"}


class RequestTimedOut(Exception):
    """The time of a request is over, and a part of its answer was sent."""


class RequestBoundsMiddleware:
    """ASGI middleware: refuses too large a body before reading it, and answers every request in time."""

    def __init__(self, app: ASGIApp, limits: Limits, explain: Explain | None = None) -> None:
        self._app, self.limits, self._explain = app, limits, explain
        self._deadlines: dict[_Request, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: _Request, seconds: float) -> None:
        """The request is late after so many seconds. One look at all of them costs less than a timer for each."""
        loop = asyncio.get_running_loop()
        self._deadlines[request] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(_CHECK_EVERY_S, self._check_deadlines)

    def end(self, request: _Request) -> None:
        """It is late no more; nothing where that is so already."""
        self._deadlines.pop(request, None)

    def _check_deadlines(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for request in [request for request, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[request]
            request.time_out()
        self._timer = loop.call_later(_CHECK_EVERY_S, self._check_deadlines) if self._deadlines else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        group = scope[GROUP_SCOPE_KEY] = classify_request(scope["method"], scope["path"])
        length, problem = _declared_length(scope)
        if problem is None and length is not None and length > getattr(self.limits, body_limit_field(group)):
            problem = self.limits.named_limit(body_limit_field(group)).refusal()
        if problem is not None:
            await self.answer(problem, scope, receive, send)
            return
        seconds = (
            None if group is RequestGroup.STREAM else self.limits.request_s + (self.limits.body_s if length != 0 else 0)
        )
        await _Request(self, group, scope, receive, send).run(self._app, seconds)

    async def answer(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        """The problem, as a page where a person asks."""
        page = None if self._explain is None else self._explain(scope["path"], problem)
        await (problem.to_response() if page is None else page)(scope, receive, send)


def body_limit_field(group: RequestGroup) -> str:
    """The limit of the body of such a request."""
    return "events_bytes" if group is RequestGroup.EVENTS else "body_bytes"


def _declared_length(scope: Scope) -> tuple[int | None, Problem | None]:
    """How long the body is said to be, None where that is open; and what is wrong with it whatever it holds."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)  # digits: the parser has looked
        elif name == b"transfer-encoding":
            length = None
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return length, _UNSUPPORTED_ENCODING
    return length, None


class _Request:
    """One request: answered once, by the application or in its place."""

    __slots__ = (
        "_body_limit_field",
        "_bounds",
        "_bytes_read",
        "_group",
        "_has_deadline",
        "_is_answered",
        "_receive",
        "_response_started",
        "_scope",
        "_send",
        "_task",
        "_timeout_task",
    )

    def __init__(
        self, bounds: RequestBoundsMiddleware, group: RequestGroup, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._bounds, self._group, self._scope, self._receive, self._send = bounds, group, scope, receive, send
        self._body_limit_field, self._bytes_read = body_limit_field(group), 0
        self._response_started = self._is_answered = False
        self._timeout_task: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._has_deadline = False

    async def run(self, app: ASGIApp, seconds: float | None) -> None:
        """The application answers, or after so many seconds we do. Raises TookTooLong where it had begun."""
        if seconds is not None:
            self._task, self._has_deadline = asyncio.current_task(), True
            self._bounds.begin(self, seconds)
        try:
            await app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            if self._timeout_task is None:
                raise
            if self._task is not None:
                self._task.uncancel()
        except Exception:
            if not self._is_answered and self._timeout_task is None:
                raise
        finally:
            self._bounds.end(self)
        if self._timeout_task is not None:
            await self._timeout_task

    async def receive(self) -> Message:
        """What comes of the body; nothing more where it is too much."""
        message = _DISCONNECT if self._is_answered else await self._receive()
        if message["type"] != "http.request":
            return message
        self._bytes_read += len(message.get("body", b""))
        limits = self._bounds.limits
        if self._bytes_read > getattr(limits, self._body_limit_field):
            await self._answer(limits.named_limit(self._body_limit_field).refusal())
            return _DISCONNECT
        if self._bytes_read and self._has_deadline and not message.get("more_body", False):
            self._bounds.begin(self, limits.request_s)  # from now on it is our time, and not hers
        return message

    async def send(self, message: Message) -> None:
        """What the application answers; nothing where we have."""
        if self._is_answered:
            return
        self._response_started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._bounds.end(self)
        await self._send(message)

    async def _answer(self, problem: Problem) -> None:
        if not self._response_started:
            self._is_answered = self._response_started = True
            await self._bounds.answer(problem, self._scope, self._receive, self._send)

    def time_out(self) -> None:
        """It is answered in the application's place, which may stand still also while it cleans up."""
        self._timeout_task = asyncio.get_running_loop().create_task(self._answer_late())
        if self._task is not None:
            self._task.cancel()

    async def _answer_late(self) -> None:
        limits, route = self._bounds.limits, getattr(self._scope.get("route"), "path", "a route")
        _log.warning(
            "%s %s took over %d s, and was given up",
            self._scope["method"],
            route,
            limits.request_s,
            extra=because("time-limit"),
        )
        if self._response_started:
            self._is_answered = True
            raise RequestTimedOut
        problem = limits.named_limit("request_s").refusal()
        if not self._group.is_read_only:
            problem.extensions["outcome"] = "unknown"
            problem.detail += _UNKNOWN_OUTCOME
        await self._answer(problem)


_UNKNOWN_OUTCOME: Final = "; the request may have had its effect: events that you send again then count as duplicates"
