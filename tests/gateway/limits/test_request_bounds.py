"""Every request is answered once and in time, whatever the application does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from pathline_gateway.limits.request_bounds import RequestBoundsMiddleware, RequestTimedOut
from pathline_gateway.limits.table import Limits

App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def asked(
    app: App, method: str = "GET", path: str = "/v1/status", body: tuple[bytes, ...] = (), **limits: int
) -> tuple[int, dict[str, str], Any, float]:
    """Status, headers, body, and after how many seconds they were sent."""
    sent: list[Message] = []
    answered = asyncio.Event()
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if parts:
            return parts.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("nothing more comes")

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    headers = [(b"transfer-encoding", b"chunked")] if body else []
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": headers}
    began = time.monotonic()
    running = asyncio.create_task(RequestBoundsMiddleware(app, Limits(**limits))(scope, receive, send))
    await asyncio.wait([running, asyncio.create_task(answered.wait())], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    seconds = time.monotonic() - began
    running.cancel()
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    said = b"".join(each.get("body", b"") for each in sent[1:])
    return sent[0]["status"], fields, json.loads(said) if said.startswith(b"{") else said, seconds


async def _hangs(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def _cleans_up_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()  # as a connection does whose Postgres stands still


async def _turns_it_into_another_error(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise ValueError from None


async def _answers(scope: Scope, receive: Receive, send: Send) -> None:
    read = 0
    while (message := await receive())["type"] == "http.request":
        read += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(read).encode()})


@pytest.mark.limit("request-s")
@pytest.mark.parametrize("app", [_hangs, _cleans_up_for_ever, _turns_it_into_another_error])
async def test_what_hangs_is_answered_in_time_and_others_meanwhile(app: App) -> None:
    late = asyncio.create_task(asked(app, request_s=1))
    for _ in range(100):
        status, _, _, seconds = await asked(_answers, request_s=1)
        assert status == 200
        assert seconds < 0.25
    status, headers, body, seconds = await late
    assert (status, body["type"], body["limit"]) == (504, "urn:pathline:problem:took-too-long", "request-s")
    assert headers["content-type"] == "application/problem+json"
    assert 1 <= seconds < 5
    assert "outcome" not in body


async def test_of_what_was_to_change_something_nobody_says_that_it_was_not_done() -> None:
    for path in ("/v1/events", "/v1/subscriptions"):
        status, _, body, _ = await asked(_hangs, "POST", path, request_s=1)
        assert (status, body["outcome"]) == (504, "unknown")
        assert "may have had its effect" in body["detail"]


async def test_a_stream_has_no_end_of_its_own() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asked(_hangs, path="/v1/subscriptions/1/stream", request_s=1), 1.5)


async def test_an_answer_that_has_begun_is_cut_off() -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    with pytest.raises(RequestTimedOut):
        await asked(half, request_s=1)


async def test_the_time_of_a_body_is_its_sender_s() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            await asyncio.sleep(0.4)
        await _answers(scope, receive, send)

    parts = (b"x",) * 4
    assert (await asked(slow, "POST", "/v1/subscriptions", parts, request_s=1, body_s=5))[0] == 504


@pytest.mark.parametrize("over", [0, 1])
async def test_a_body_of_open_length_is_counted_as_it_comes(over: int) -> None:
    parts = (b"x" * 1_024, b"x" * over) if over else (b"x" * 1_024,)
    status, _, body, _ = await asked(_answers, "POST", "/v1/subscriptions", parts, body_bytes=1_024)
    assert status == (413 if over else 200)
    assert body == b"1024" if not over else body["limit"] == "body-bytes"


async def test_a_request_that_is_cancelled_from_outside_is_cancelled() -> None:
    running = asyncio.create_task(asked(_hangs, request_s=5))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
