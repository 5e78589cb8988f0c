"""Real sinks on loopback: they take down what is posted to them, and answer as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from pathline.vocabulary.notices import NOTICES
from support.notice_schema import check_notice

Answers = Callable[["Posted"], "Reply | Awaitable[Reply]"]


@dataclass(frozen=True)
class Reply:
    """What a sink answers."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Posted:
    """A request that a sink was sent."""

    method: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))

    def read(self) -> CloudEvent:
        """As the SDK of CloudEvents reads it."""
        event = from_http_event(HTTPMessage(dict(self.headers), self.body))
        assert isinstance(event, CloudEvent)
        if event.get_type() in NOTICES:
            check_notice(self.event)
        return event

    def verify(self, secret: str) -> None:
        """It is signed with this."""
        Webhook(secret).verify(self.body, dict(self.headers))


def taken(_: Posted) -> Reply:
    return Reply()


@dataclass
class Sink:
    """A server, and what it was sent."""

    url: str = ""
    answer: Answers = taken
    handshake: Reply = field(default_factory=lambda: Reply(200, {"webhook-allowed-origin": "*"}))
    asked: list[Posted] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    took: list[Posted] = field(default_factory=list)
    """What it answered with 2xx, in the order in which it did."""
    at_once: int = 0
    most_at_once: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        posted = Posted(scope["method"], headers, body)
        if posted.method == "OPTIONS":
            self.asked.append(posted)
        reply = self.handshake if posted.method == "OPTIONS" else await self._answered(posted)
        encoded = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        with contextlib.suppress(OSError):
            await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
            await send({"type": "http.response.body", "body": reply.body})

    async def _answered(self, posted: Posted) -> Reply:
        self.posted.append(posted)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.answer(posted)
            reply = reply if isinstance(reply, Reply) else await reply
        finally:
            self.at_once -= 1
        if 200 <= reply.status < 300:
            self.took.append(posted)
        self._changed.set()
        return reply

    async def until(self, holds: Callable[[Sink], object], seconds: float = 20) -> None:
        """Until this holds of what was posted."""
        async with asyncio.timeout(seconds):
            while not holds(self):
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.05)

    async def until_took(self, number: int) -> None:
        """Until it took so many."""
        await self.until(lambda sink: len(sink.took) == number)

    def ids(self) -> list[str]:
        """The events that it took, without what was sent again."""
        return list(dict.fromkeys(each.event["id"] for each in self.took))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(**config: Any) -> AsyncIterator[Sink]:
    """A sink at a free port; ends with the block."""
    sink = Sink()
    scheme = "https" if "ssl_certfile" in config else "http"
    server = _Server(uvicorn.Config(sink, port=0, lifespan="off", log_level="critical", ws="none", **config))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    sink.url = f"{scheme}://127.0.0.1:{port}/events?of=care"
    try:
        yield sink
    finally:
        server.should_exit = server.force_exit = True
        await task


@contextmanager
def listening_in_a_thread() -> Iterator[Sink]:
    """A sink that goes on while the test waits for something else."""
    ready, ends = threading.Event(), asyncio.Event()
    found: list[Sink] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with listening() as sink:
            found.append(sink)
            ready.set()
            await ends.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(10)
        loop.close()
