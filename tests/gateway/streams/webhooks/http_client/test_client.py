"""Requests to servers that answer oddly, late, or not at all; and to one that others wrote."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.streams.webhooks.http_client.certificate import trusting
from gateway.streams.webhooks.http_client.odd_server import (
    LENGTH,
    TAKEN,
    Answering,
    Asked,
    breaks_off,
    closes,
    failed,
    hangs,
    odd,
    post,
    resets,
    says,
)
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client import connection as http_client_connection
from pathline_gateway.streams.webhooks.http_client import connector
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.connector import resolve_name
from pathline_gateway.streams.webhooks.http_client.response_parser import ResponseParser
from pathline_gateway.streams.webhooks.http_client.sink_url import parse_sink
from support.servers.webhook_receiver import Reply, listening

CHUNKED = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n"
UNCHANGED = b"HTTP/1.1 304 Not Modified\r\ncontent-length: 20\r\n\r\n"
LATER = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nretry-after: 8\r\n\r\n"


@pytest.mark.parametrize("said", [TAKEN, LENGTH, CHUNKED, UNCHANGED, LATER + LENGTH])
async def test_an_answer_that_comes_byte_by_byte_is_the_same_and_its_connection_is_kept(
    poster: WebhookHttpClient, said: bytes
) -> None:
    async with odd(says(said)) as whole, odd(says(*(bytes([each]) for each in said))) as slow:
        for server in (whole, slow):
            first, second = await post(poster, server), await post(poster, server)
            assert first[:2] == second[:2] == (await post(poster, whole))[:2]
            assert server.connections == 1
        assert first.status == int(said.removeprefix(LATER)[9:12])
        assert first.headers.get("retry-after") == ("7" if b"Retry-After" in said else None)


async def test_an_answer_is_read_until_the_connection_ends(poster: WebhookHttpClient) -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(b"HTTP/1.1 429 Busy\r\nretry-after: 9\r\n\r\n", b"all ", b"that")
        asked.close()

    async with odd(answer) as server:
        assert (await post(poster, server))[:2] == (429, {"retry-after": "9"})
        assert (await post(poster, server)).seconds < 2
        assert server.connections == 2


@pytest.mark.parametrize("ends", ["close", "reset"])
async def test_a_status_counts_though_the_body_breaks_off(
    poster: WebhookHttpClient, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(b"HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\nhal")
        await read.wait()
        getattr(asked, ends)()

    class Reading(ResponseParser):
        def feed(self, data: bytes) -> None:
            super().feed(data)
            read.set()

    read = asyncio.Event()
    monkeypatch.setattr(http_client_connection, "ResponseParser", Reading)
    async with odd(answer) as server:
        assert (await post(poster, server)).status == 410


async def test_a_body_that_does_not_end_is_left_and_its_status_counts(
    poster: WebhookHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        await hangs(asked)

    monkeypatch.setattr(http_client_connection, "MAX_BODY_S", 0.05)
    async with odd(answer) as server:
        assert (await post(poster, server)).status == 200
        assert (await post(poster, server)).status == 200
        assert server.connections == 2


async def test_a_body_takes_no_longer_than_the_request() -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        await hangs(asked)

    poster = WebhookHttpClient(DeliveryPolicy(request_s=0.2))
    async with odd(answer) as server:
        began = asyncio.get_running_loop().time()
        assert (await post(poster, server)).status == 200
        assert asyncio.get_running_loop().time() - began < 1
    await poster.aclose()


NO_ANSWER = {
    "closed": (closes, "bad-answer"),
    "closed amid": (breaks_off, "bad-answer"),
    "reset": (resets, "unreachable"),
    "nonsense": (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "bad-answer"),
    "another protocol": (says(b"HTTP/1.1 101 Yes\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "bad-answer"),
    "endless headers": (says(b"HTTP/1.1 200 OK\r\n", *([b"x: " + b"a" * 9_000 + b"\r\n"] * 8)), "bad-answer"),
    "an endless header": (says(b"HTTP/1.1 200 OK\r\nx: ", *([b"a" * 9_000] * 8)), "bad-answer"),
    "never an answer": (says(*([b"HTTP/1.1 102 Processing\r\n\r\n" * 400] * 8)), "bad-answer"),
    "silence": (hangs, "timed-out"),
    "silence amid": (says(b"HTTP/1.1 200 OK\r\n"), "timed-out"),
}


@pytest.mark.parametrize(("answering", "reason"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_why_there_was_no_answer_is_said_and_it_is_asked_once(answering: Answering, reason: str) -> None:
    poster = WebhookHttpClient(DeliveryPolicy(request_s=0.3 if reason == "timed-out" else 5))
    async with odd(answering) as server:
        assert await failed(poster, server) == reason
        assert len(server.asked) == server.connections == 1
        await server.until_ended(1)
    await poster.aclose()


async def test_nobody_listens(poster: WebhookHttpClient) -> None:
    async with odd(hangs) as server:
        pass
    assert await failed(poster, server) == "unreachable"


async def test_a_name_that_is_not_resolved_in_time_is_given_up() -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    for policy in (DeliveryPolicy(connect_s=0.05), DeliveryPolicy(request_s=0.05)):
        poster = WebhookHttpClient(policy, resolve)
        with pytest.raises(NoAnswer) as said:
            await poster.send("POST", parse_sink("https://slow.test/", private=False), {})
        assert said.value.reason == "timed-out"
        await poster.aclose()


async def test_a_server_that_takes_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        poster = WebhookHttpClient(DeliveryPolicy(connect_s=0.2), resolve_name)
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(NoAnswer) as said:
            await poster.send("POST", parse_sink(url, private=True), {})
        assert said.value.reason == "timed-out"
        await poster.aclose()


async def test_the_second_address_is_tried_where_the_first_takes_nothing() -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        return ["::1", "::1", "127.0.0.1", "127.0.0.2"]

    poster = WebhookHttpClient(DeliveryPolicy(), resolve)
    async with odd(says(TAKEN)) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        assert (await post(poster, server)).status == 204
    await poster.aclose()


async def test_an_address_is_resolved_by_nobody(monkeypatch: pytest.MonkeyPatch, poster: WebhookHttpClient) -> None:
    monkeypatch.setattr(connector, "_getaddrinfo", None)
    assert await resolve_name("127.0.0.1", 80) == ["127.0.0.1"]
    assert await resolve_name("::1", 80) == ["::1"]
    async with odd(says(TAKEN)) as server:
        assert (await post(poster, server)).status == 204


async def test_a_header_with_a_line_break_is_sent_to_nobody(poster: WebhookHttpClient) -> None:
    async with odd(says(TAKEN)) as server:
        with pytest.raises(ValueError, match="line break"):
            await poster.send("POST", parse_sink(server.url, private=True), {"webhook-id": "1\r\nx: y"})
        assert server.connections == 0


async def test_a_request_is_sent_as_it_is(poster: WebhookHttpClient) -> None:
    async with odd(says(TAKEN)) as server:
        server.url = server.url.replace("/events?", "/a;v=1/%C3%A4;v=2?q=/&")
        await post(poster, server, b"x" * 3_000_000)
        (asked,) = server.asked
        first, *headers = asked.head.decode().split("\r\n")
        assert first == "POST /a;v=1/%C3%A4;v=2?q=/&of=care HTTP/1.1"
        host = server.url.split("/")[2]
        assert headers == [f"host: {host}", "webhook-id: 1", "content-length: 3000000"]
        assert asked.body == b"x" * 3_000_000


@pytest.mark.parametrize(
    ("url", "name", "port", "host", "target"),
    [
        ("https://Example.ORG", "example.org", 443, "example.org", "/"),
        ("https://example.org:443/a", "example.org", 443, "example.org", "/a"),
        ("https://example.org:8443/?", "example.org", 8443, "example.org:8443", "/"),
        ("https://[2606:4700::1]/a?b", "2606:4700::1", 443, "[2606:4700::1]", "/a?b"),
        ("http://[::1]:8080/a", "::1", 8080, "[::1]:8080", "/a"),
        ("http://127.0.0.1/a;b;c?d?e", "127.0.0.1", 80, "127.0.0.1", "/a;b;c?d?e"),
    ],
)
def test_how_a_request_names_its_sink(url: str, name: str, port: int, host: str, target: str) -> None:
    found = parse_sink(url, private=True)
    assert (found.server.name, found.server.port, found.host, found.target) == (name, port, host, target)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_server_that_others_wrote_takes_what_is_posted(http: str, secure: bool, tls: tuple[Path, Path]) -> None:
    certificate, key = tls
    encrypted = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)} if secure else {}

    async def resolve(name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    poster = WebhookHttpClient(DeliveryPolicy(), resolve, trusting(certificate))
    bodies = [b"", b"{}", b"x" * 300_000, b"\r\n\r\n" * 5]
    async with listening(http=http, **encrypted) as receiver:
        receiver.answer = lambda posted: Reply(200, {"Retry-After": "3", "x-id": posted.id}, posted.body[:20_000])
        to = parse_sink(receiver.url.replace("127.0.0.1", "sink.test"), private=True) if secure else None
        to = to or parse_sink(receiver.url, private=True)
        for n, body in enumerate(bodies * 3):
            answer = await poster.send("POST", to, {"webhook-id": str(n)}, body)
            assert (answer.status, answer.headers["x-id"], answer.headers["retry-after"]) == (200, str(n), "3")
        await asyncio.gather(*(poster.send("POST", to, {"webhook-id": "n"}, bodies[2]) for _ in range(20)))
        assert (await poster.send("OPTIONS", to, {})).headers["webhook-allowed-origin"] == "*"
    await poster.aclose()
    assert [each.body for each in receiver.posted] == bodies * 3 + [bodies[2]] * 20
