"""A stream ends with the session of whoever listens."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.session import Session
from pathline_gateway.streams.sse import stream
from pathline_gateway.streams.sse.stream import SseStreams
from support.gateways.routes import SECRET, GatewayRoutes, subscriber

ENDED = b'event: end\ndata: {"because":"signed out, or the token expired"}\n\n'


async def test_a_stream_ends_with_the_heartbeat_after_signing_out(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.01)
    wanted = {"protocol": "SSE", "config": {"organisation": "housing", "purpose": "care"}}
    made = await gateway.request(subscriber("housing"), "POST", "/v1/subscriptions", json=wanted)
    now, sessions = time.time(), Sessions(gateway.pool, 3_600)
    hers, another = (Session(digest, now, now + 3_600) for digest in (b"hers", b"another"))
    streams = SseStreams(gateway.pool, SECRET, lambda: gateway.now, gateway.listeners, sessions=sessions)
    frames = streams.listen(UUID(made.json()["id"]), 0, auth_disabled=False, session=hers)
    assert await anext(frames) == b"retry: 1000\n\n"
    await sessions.end(another)
    assert [await anext(frames) for _ in range(3)] == [b": nothing new\n\n"] * 3
    await sessions.end(hers)
    assert [frame async for frame in frames] == [ENDED]
