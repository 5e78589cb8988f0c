"""A whole gateway whose Postgres or broker is away for a while logs that once, and once when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pathline_gateway.embedded import Machine
from pathline_gateway.telemetry.logs import JsonFormatter, OutageFilter, RepeatFilter
from support.brokers.embedded_broker import broker, freeze, thaw
from support.examples import LONG
from support.gateways.in_process import Client, gateway, registered, step
from support.postgres.fresh_database import fresh_database
from support.servers.tcp_proxy import HOST, Proxy

ONE = {"content-type": "application/cloudevents+json"}
pytestmark = pytest.mark.scaled

_AWAY_S, _BACK_S = (6.0, 6.0) if LONG else (4.0, 1.5)
"""Six seconds are longer than any limit of a probe, a session or a heartbeat: whoever would speak up has done so."""


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, str]]]]:
    """What this process logs, as `up` would write it in JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(OutageFilter())
    handler.addFilter(RepeatFilter())
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


@contextlib.asynccontextmanager
async def running(kafka: str, machine: Machine, patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Client, Proxy]]:
    database = await registered(await fresh_database(machine))
    parts = urlsplit(database)
    socket = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    with Proxy(socket) as proxy:
        address = f"postgresql://{parts.username}@{HOST}:{proxy.port}{parts.path}"
        async with gateway(kafka, address) as client:
            yield client, proxy


async def _until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.05)


async def _busy(client: Client, seconds: float, n: int) -> None:
    """Somebody publishes and reads all the while, whatever she is answered."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await client.http.post("/v1/events", json=step("east", n), headers=ONE)
                await client.http.get("/v1/status")
        await asyncio.sleep(0.1)


def _told(lines: list[dict[str, str]], component: str) -> list[str]:
    assert [line for line in lines if component not in line["message"]] == [], "nothing else is logged"
    return [line["level"] for line in lines]


async def test_postgres_away_is_one_line_and_one_when_it_is_back(
    machine: Machine, tmp_path: Path, lines: Callable[[], list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker(tmp_path) as kafka:
        async with running(kafka, machine, monkeypatch) as (client, proxy):
            await _busy(client, 1, 1)
            assert lines() == []
            link = proxy._short / "to"
            target = link.readlink()
            link.unlink()
            try:
                proxy.cut()
                await _busy(client, _AWAY_S, 2)
                assert _told(lines(), "Postgres does not answer") == ["ERROR"]
            finally:
                link.symlink_to(target)
            await _until(lambda: len(lines()) == 2)
            await _busy(client, _BACK_S, 3)
            assert _told(lines(), "Postgres") == ["ERROR", "WARNING"]
            assert (await client.settled())["failing"] == []
    for line in lines():
        assert all(line[name] for name in ("time", "level", "component", "cause", "message"))


async def test_the_broker_away_is_one_line_and_one_when_it_is_back(
    machine: Machine, tmp_path: Path, lines: Callable[[], list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker(tmp_path) as kafka:
        async with running(kafka, machine, monkeypatch) as (client, _):
            await _busy(client, 1, 1)
            assert lines() == []
            freeze(kafka)
            try:
                await _busy(client, _AWAY_S, 2)
                assert _told(lines(), "The broker does not answer") == ["ERROR"]
            finally:
                thaw(kafka)
            await _until(lambda: len(lines()) == 2)
            await _busy(client, _BACK_S, 3)
            assert _told(lines(), "The broker") == ["ERROR", "WARNING"]
