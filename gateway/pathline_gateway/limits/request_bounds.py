"""How large the body of a request may be, and how long its answer may take, whatever route it is for."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.limits.groups import Group, group_of
from pathline_gateway.limits.table import Limits
from pathline_gateway.problem import Problem
from pathline_gateway.trust.gate import Explain

_log = logging.getLogger(__name__)

_COMPRESSED: Final = Problem(
    415,
    "unsupported-content-encoding",
    "content-encoding: compressed bodies are not taken; send the body as it is",
    headers={"accept-encoding": "identity"},
)
_GONE: Final[Message] = {"type": "http.disconnect"}


class TookTooLong(Exception):
    """The time of a request is over, and a part of its answer was sent."""


class RequestBounds:
    """ASGI middleware: a body that is too large is refused before it is read, and every request is answered in time."""

    def __init__(self, app: ASGIApp, limits: Limits, explain: Explain | None = None) -> None:
        self._app, self.limits, self._explain = app, limits, explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        group = group_of(scope["method"], scope["path"])
        length, problem = _announced(scope)
        if problem is None and length is not None and length > getattr(self.limits, most_of(group)):
            problem = self.limits.named(most_of(group)).refusal()
        if problem is not None:
            await self.answer(problem, scope, receive, send)
            return
        seconds = None if group is Group.STREAM else self.limits.request_s + (self.limits.body_s if length != 0 else 0)
        await _Request(self, group, scope, receive, send).run(self._app, seconds)

    async def answer(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        """The problem, as a page where a person asks."""
        told = None if self._explain is None else self._explain(scope["path"], problem)
        await (problem.response() if told is None else told)(scope, receive, send)


def most_of(group: Group) -> str:
    """The limit of the body of such a request."""
    return "events_bytes" if group is Group.EVENTS else "body_bytes"


def _announced(scope: Scope) -> tuple[int | None, Problem | None]:
    """How long the body is said to be, None where that is open; and what is wrong with it whatever it holds."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)  # digits: the parser has looked
        elif name == b"transfer-encoding":
            length = None
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return length, _COMPRESSED
    return length, None


class _Request:
    """One request: answered once, by the application or in its place."""

    __slots__ = (
        "_answered",
        "_begun",
        "_bounds",
        "_group",
        "_late",
        "_most",
        "_read",
        "_receive",
        "_scope",
        "_send",
        "_timer",
    )

    def __init__(self, bounds: RequestBounds, group: Group, scope: Scope, receive: Receive, send: Send) -> None:
        self._bounds, self._group, self._scope, self._receive, self._send = bounds, group, scope, receive, send
        self._most, self._read = most_of(group), 0
        self._begun = self._answered = False
        self._late: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, app: ASGIApp, seconds: float | None) -> None:
        """The application answers, or after so many seconds we do. Raises TookTooLong where it had begun."""
        if seconds is not None:
            self._begin(seconds)
        try:
            await app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            if self._late is None:
                raise
            current_task().uncancel()
        except Exception:
            if not self._answered and self._late is None:
                raise
        finally:
            self._end()
        if self._late is not None:
            await self._late

    async def receive(self) -> Message:
        """What comes of the body; nothing more where it is too much."""
        message = _GONE if self._answered else await self._receive()
        if message["type"] != "http.request":
            return message
        self._read += len(message.get("body", b""))
        limits = self._bounds.limits
        if self._read > getattr(limits, self._most):
            await self._answer(limits.named(self._most).refusal())
            return _GONE
        if self._read and self._timer is not None and not message.get("more_body", False):
            self._end()
            self._begin(limits.request_s)  # from now on it is our time, and not hers
        return message

    async def send(self, message: Message) -> None:
        """What the application answers; nothing where we have."""
        if self._answered:
            return
        self._begun = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._end()
        await self._send(message)

    async def _answer(self, problem: Problem) -> None:
        if not self._begun:
            self._answered = self._begun = True
            await self._bounds.answer(problem, self._scope, self._receive, self._send)

    def _begin(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._is_late, current_task())

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _is_late(self, task: asyncio.Task[None]) -> None:
        # What the application still has to clean up may stand still, too: it is answered beside it.
        self._late = asyncio.get_running_loop().create_task(self._say_late())
        task.cancel()

    async def _say_late(self) -> None:
        limits, route = self._bounds.limits, getattr(self._scope.get("route"), "path", "a route")
        _log.warning("%s %s took over %d s, and was given up", self._scope["method"], route, limits.request_s)
        if self._begun:
            self._answered = True
            raise TookTooLong
        problem = limits.named("request_s").refusal()
        if not self._group.reads:
            problem.extensions["outcome"] = "unknown"
            problem.detail += _UNKNOWN
        await self._answer(problem)


_UNKNOWN: Final = "; what was sent may have been done, and events that are sent again are told as duplicates then"


def current_task() -> asyncio.Task[None]:
    """The task that answers a request."""
    task = asyncio.current_task()
    assert task is not None  # only tasks await
    return task
