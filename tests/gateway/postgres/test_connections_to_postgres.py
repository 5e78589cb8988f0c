"""Whoever waits for Postgres waits so long: for a connection, for a statement, for a Postgres that stands still."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from gateway.limits.neighbour import Neighbour
from pathline.testing import SUBJECT
from pathline_gateway import embedded
from pathline_gateway.auth.route_permissions import ROUTE_ROLES
from support.gateways.process import Gateway, running
from support.repository import ROOT

REQUEST_S, WAIT_S = 4, 1
SLACK_S = 20
"""Of a machine that does other things, too."""
DRY_RUN = {"protocol": "PULL", "config": {"organisation": "food-bank", "purpose": "care"}, "days": 30, "filters": []}
ID = "0195a000-0000-7000-8000-000000000000"
SOURCES = ROOT / "gateway"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    seconds = {"PATHLINE_LIMIT_REQUEST_S": str(REQUEST_S), "PATHLINE_LIMIT_CONNECTION_WAIT_S": str(WAIT_S)}
    limits = seconds | {"PATHLINE_LIMIT_DRY_RUNS": "100", "PATHLINE_LIMIT_DRY_RUNS_AT_ONCE": "100"}
    with running(tmp_path_factory.mktemp("postgres"), **limits) as up:
        _publish(up, "1")
        up.settled()
        yield up


def _publish(gateway: Gateway, id: str) -> httpx.Response:
    event = {
        "specversion": "1.0",
        "id": id,
        "source": "urn:pathline:food-bank:form",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"kind": "enquiry"},
    }
    return gateway.http.post("/v1/events", json=event, headers={"content-type": "application/cloudevents+json"})


@contextlib.asynccontextmanager
async def _locked(gateway: Gateway, table: str):  # type: ignore[no-untyped-def]
    """Nobody else reads this table as long as the block lasts."""
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    connection = await asyncpg.connect(machine.database)
    try:
        async with connection.transaction():
            await connection.execute(f"lock table {table} in access exclusive mode")
            yield
    finally:
        await connection.close()


async def _asked(gateway: Gateway, times: int, method: str, path: str, **more: Any) -> list[httpx.Response]:
    """So many at once, two from each address: each has a budget of her own."""

    async def two_of_one(n: int) -> list[httpx.Response]:
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.2.{1 + n}")
        async with httpx.AsyncClient(base_url=gateway.http.base_url, timeout=60, transport=transport) as http:
            return list(await asyncio.gather(*(http.request(method, path, **more) for _ in range(2))))

    return [each for two in await asyncio.gather(*map(two_of_one, range(times // 2))) for each in two]


def _said(answers: list[httpx.Response]) -> set[tuple[int, object]]:
    return {(each.status_code, each.json().get("limit")) for each in answers}


@pytest.mark.limit("slow-readings")
async def test_a_dozen_dry_runs_take_no_connection_of_others(gateway: Gateway) -> None:
    neighbour = Neighbour(gateway.port, "/readyz", gateway.process.pid)
    async with _locked(gateway, "change_log"):
        with neighbour.served_as_before():
            answers = await _asked(gateway, 12, "POST", "/v1/subscriptions/dry-run", json=DRY_RUN)
            others = await _asked(gateway, 12, "GET", "/v1/organisations")
    neighbour.gone()
    assert _said(answers) == {(504, "request-s"), (503, "connection-wait-s")}
    assert {each.status_code for each in others} == {200}


@pytest.mark.limit("database-connections")
@pytest.mark.limit("connection-wait-s")
async def test_who_waits_for_a_connection_is_told_so_and_readiness_is_another_matter(gateway: Gateway) -> None:
    neighbour = Neighbour(gateway.port, "/readyz", gateway.process.pid)
    async with _locked(gateway, "organisation"):
        with neighbour.served_as_before():
            answers = await _asked(gateway, 24, "GET", "/v1/organisations")
    neighbour.gone()
    assert _said(answers) == {(504, "request-s"), (503, "connection-wait-s")}
    busy = next(each for each in answers if each.status_code == 503)
    assert busy.json()["type"] == "urn:pathline:problem:database-busy"
    assert busy.headers["retry-after"] == "1"
    assert {each.status_code for each in await _asked(gateway, 24, "GET", "/v1/organisations")} == {200}


@contextlib.contextmanager
def _standing_still(gateway: Gateway) -> Iterator[None]:
    """Postgres and all its children have stopped in the middle of whatever they did."""
    children = psutil.Process(gateway.process.pid).children(recursive=True)
    roots = [each for each in children if each.name() == "postgres"]
    everybody = {each.pid: each for root in roots for each in [root, *root.children(recursive=True)]}
    assert everybody
    for each in everybody.values():
        each.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in everybody.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)


def _routes() -> list[tuple[str, str]]:
    """Every route of a gateway with auth off, less streams, which end when their reader does."""
    names = [name.split(" ") for name in ROUTE_ROLES if "/issuer/" not in name and not name.endswith("/stream")]
    values = {
        "{id}": "1",
        "{number}": "1",
        "{org}": "food-bank",
        "{of}": "clinic",
        "{name}": "completion",
        "{item}": "1",
    }
    return [(method, _filled(path, values)) for method, path in names]


def _filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(name, value)
    return "/".join(ID if part.startswith("{") else part for part in path.split("/"))


def test_every_route_answers_in_time_while_postgres_stands_still(gateway: Gateway) -> None:
    def ask(route: tuple[str, str]) -> tuple[tuple[str, str], int, float]:
        began = time.monotonic()
        body: dict[str, Any] = {"json": {}} if route[0] in ("POST", "PUT") else {}
        answer = http.request(route[0], route[1], **body)
        if answer.status_code >= 500:
            assert answer.headers["content-type"].startswith(("application/problem+json", "text/html")), route
        return route, answer.status_code, time.monotonic() - began

    connections = httpx.Limits(max_connections=40)
    with (
        httpx.Client(base_url=gateway.http.base_url, timeout=60, limits=connections) as http,
        _standing_still(gateway),
        ThreadPoolExecutor(32) as many,
    ):
        answers = list(many.map(ask, _routes()))
    late = [each for each in answers if each[2] > REQUEST_S + SLACK_S]
    assert late == []
    assert {status for _, status, _ in answers} & {503, 504}
    assert 500 not in {status for _, status, _ in answers}
    gateway.until(lambda: gateway.http.get("/readyz").status_code == 200, "Postgres goes on")
    gateway.settled()


def test_events_that_meet_a_postgres_that_stands_still_are_not_said_to_be_lost(gateway: Gateway) -> None:
    before = gateway.settled()["interactions"]
    with _standing_still(gateway):
        answer = _publish(gateway, "2")
    assert answer.status_code in (503, 504)
    if answer.status_code == 504:
        assert answer.json()["outcome"] == "unknown"
    gateway.until(lambda: _publish(gateway, "2").status_code == 202, "the same is taken")
    assert gateway.settled()["interactions"] == before + 1


def test_connections_come_from_one_place_where_each_wait_has_an_end() -> None:
    elsewhere = []
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            made = isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "asyncpg.connect",
                "asyncpg.create_pool",
                "asyncpg.Pool",
                "connect",
                "create_pool",
            )
            if made and "asyncpg" in file.read_text():
                elsewhere.append(file.name)
    # A command's own connection, of a process that does nothing else; those of readiness and of the thread by which a
    # process says that it lives, which have an end, too.
    assert set(elsewhere) <= {"database_address.py", "probes.py", "heartbeat.py"}
