"""Connections to sinks are kept for the next request, as long as everybody knows what comes next on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

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
from pathline_gateway.streams.webhooks.http_client import client as http_client_client
from pathline_gateway.streams.webhooks.http_client import connection as http_client_connection
from pathline_gateway.streams.webhooks.http_client import connector
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.connection import HttpConnection
from pathline_gateway.streams.webhooks.http_client.response_parser import ResponseParser
from pathline_gateway.streams.webhooks.http_client.sink_url import parse_sink


@pytest.fixture(autouse=True)
def _kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends, ends for another reason."""
    monkeypatch.setattr(http_client_client, "_KEEP_ALIVE_S", 60.0)


@pytest.fixture
async def encrypting(tls: tuple[Path, Path]) -> AsyncIterator[WebhookHttpClient]:
    async def resolve(name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    made = WebhookHttpClient(DeliveryPolicy(request_s=5), resolve, trusting(tls[0]))
    yield made
    await made.aclose()


NOT_KEPT = {
    "said so": says(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
    "HTTP/1.0": says(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"),
    "two lengths": says(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "an answer to nothing": says(LENGTH + b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"),
    "nonsense": says(LENGTH + b"xx"),
    "a bad chunk": says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"xx\r\n"),
    "a long body": says(b"HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n", *([b"a" * 100_000] * 40)),
}


@pytest.mark.parametrize("answering", NOT_KEPT.values(), ids=NOT_KEPT)
async def test_a_connection_is_not_kept_where_nobody_knows_what_comes_next(
    poster: WebhookHttpClient, answering: Answering
) -> None:
    async with odd(answering) as server:
        assert [(await post(poster, server)).status for _ in range(3)] == [200, 200, 200]
        assert server.connections == 3
        await server.until_ended(3)


async def test_as_many_connections_are_kept_as_were_needed_at_once(poster: WebhookHttpClient) -> None:
    async def answer(asked: Asked) -> None:
        if len(server.asked) >= 4:
            all_there.set()
        await all_there.wait()
        await asked.say(LENGTH)

    all_there = asyncio.Event()
    async with odd(answer) as server:
        for _ in range(3):
            await asyncio.gather(*(post(poster, server) for _ in range(4)))
        assert server.connections == 4
        assert len(server.asked) == 12


async def test_a_connection_is_kept_for_a_while_after_it_was_used(
    poster: WebhookHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client_client, "_KEEP_ALIVE_S", 0.5)
    async with odd(says(TAKEN)) as server:
        until = asyncio.get_running_loop().time() + 1.2
        while asyncio.get_running_loop().time() < until:
            await post(poster, server)
        assert server.connections == 1
        await server.until_ended(1)
        await post(poster, server)
        assert server.connections == 2


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_connection_that_its_server_closed_is_not_used(
    encrypting: WebhookHttpClient, tls: tuple[Path, Path], secure: bool
) -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(TAKEN)
        asked.close()

    async with odd(answer, tls if secure else None) as server:
        for n in (1, 2, 3):
            assert (await post(encrypting, server)).status == 204
            await server.until_ended(n)
        assert len(server.asked) == 3


@pytest.mark.parametrize("ends", [closes, resets], ids=["closed", "reset"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_request_that_met_the_end_of_a_kept_connection_is_sent_once_more(
    encrypting: WebhookHttpClient, tls: tuple[Path, Path], ends: Answering, secure: bool
) -> None:
    async def answer(asked: Asked) -> None:
        await (asked.say(TAKEN) if asked.nth == 1 else ends(asked))

    async with odd(answer, tls if secure else None) as server:
        assert [(await post(encrypting, server)).status for _ in range(3)] == [204, 204, 204]
        assert [(each.connection, each.nth) for each in server.asked] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]
        assert {each.body for each in server.asked} == {b"{}"}


async def test_a_request_is_sent_once_more_on_a_connection_of_its_own_and_only_once(poster: WebhookHttpClient) -> None:
    async def answer(asked: Asked) -> None:
        if asked.nth == 1 and asked.connection <= 2:
            both.set() if asked.connection == 2 else await both.wait()
            await asked.say(TAKEN)
        else:
            asked.close()

    both = asyncio.Event()
    async with odd(answer) as server:
        await asyncio.gather(post(poster, server), post(poster, server))
        assert await failed(poster, server) == "bad-answer"
        assert [each.connection for each in server.asked][2:] in ([1, 3], [2, 3])


@pytest.mark.parametrize(("second", "reason"), [(breaks_off, "bad-answer"), (hangs, "timed-out")], ids=["amid", "late"])
async def test_a_request_is_not_sent_once_more_where_an_answer_began_or_time_is_up(
    second: Answering, reason: str
) -> None:
    async def answer(asked: Asked) -> None:
        await (asked.say(TAKEN) if asked.nth == 1 else second(asked))

    poster = WebhookHttpClient(DeliveryPolicy(request_s=0.3 if second is hangs else 5))
    async with odd(answer) as server:
        await post(poster, server)
        assert await failed(poster, server) == reason
        assert len(server.asked) == 2
    await poster.aclose()


async def test_what_nobody_asked_for_is_no_answer_to_the_next_request(poster: WebhookHttpClient) -> None:
    async def answer(asked: Asked) -> None:
        await asked.say(LENGTH)
        if asked.connection == 1:
            await asked_again.wait()
            await asked.say(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")

    asked_again = asyncio.Event()
    async with odd(answer) as server:
        assert (await post(poster, server)).status == 200
        asked_again.set()
        await server.until_ended(1)
        assert (await post(poster, server)).status == 200
        assert server.connections == 2


async def test_a_connection_is_not_kept_whose_server_answered_what_it_did_not_read(poster: WebhookHttpClient) -> None:
    class Early(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)
            connections.append(self.transport)

        def data_received(self, data: bytes) -> None:
            self.transport.pause_reading()
            self.transport.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")

    connections: list[asyncio.Transport] = []
    server = await asyncio.get_running_loop().create_server(Early, "127.0.0.1", 0)
    to = parse_sink(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", private=True)
    assert (await poster.send("POST", to, {}, b"x" * 20_000_000)).status == 413
    assert (await poster.send("POST", to, {}, b"x")).status == 413
    assert len(connections) == 2
    for transport in connections:
        transport.abort()
    server.close()
    await server.wait_closed()


async def test_a_request_that_is_cancelled_leaves_no_connection(poster: WebhookHttpClient) -> None:
    async def answer(asked: Asked) -> None:
        there.set()
        await hangs(asked)

    there = asyncio.Event()
    async with odd(answer) as server:
        task = asyncio.create_task(post(poster, server))
        await there.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await server.until_ended(1)


async def test_a_request_that_is_cancelled_as_its_answer_comes_leaves_no_connection(
    poster: WebhookHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cancelling(ResponseParser):
        def feed(self, data: bytes) -> None:
            super().feed(data)
            asyncio.get_running_loop().call_soon(task.cancel)

    monkeypatch.setattr(http_client_connection, "ResponseParser", Cancelling)
    async with odd(says(TAKEN)) as server:
        task = asyncio.create_task(post(poster, server))
        await asyncio.wait([task])
        assert task.cancelled()
        await server.until_ended(1)


async def test_an_answer_counts_whose_connection_ends_with_it(
    poster: WebhookHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ending(HttpConnection):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.connection_lost(None)

    monkeypatch.setattr(connector, "HttpConnection", Ending)
    async with odd(says(TAKEN)) as server:
        assert (await post(poster, server)).status == 204
        assert (await post(poster, server)).status == 204
        assert server.connections == 2


async def test_no_connection_is_left_when_it_ends(poster: WebhookHttpClient) -> None:
    async with odd(says(TAKEN)) as server:
        await post(poster, server)
        await poster.aclose()
        await server.until_ended(1)
