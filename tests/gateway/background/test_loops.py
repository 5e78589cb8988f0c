"""A work that fails is told of, stops no other and is taken up by itself; and there is no loop beside those known."""

from __future__ import annotations

import ast
import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest

import pathline_gateway
from pathline_gateway.background.works import WORKS
from pathline_gateway.telemetry.instruments import WORK_FAILING
from support.gateways.failing_loops import LoopControl
from support.gateways.in_process import Client, step

ONE = {"content-type": "application/cloudevents+json"}

_ROOT = Path(pathline_gateway.__file__).parent
_TASKS = {"create_task", "ensure_future", "TaskGroup"}
_OTHERS = {
    "background/poll_or_wake.py": "the one loop",
    "background/supervisor.py": "starts it again after a defect",
    "embedded/machine.py": "the broker and Postgres of one machine, started side by side",
    "embedded/child_process.py": "waits for a child's end, with a limit",
    "runtime/child_processes.py": "other processes: one that ends is started again, each by itself",
    "runtime/serving_pool.py": "waits for other processes at their start",
    "runtime/serve.py": "waits for a signal",
    "intake/kafka_consumer.py": "looks again until nothing was sought meanwhile",
    "dependency_health/monitor.py": "asks Postgres and the broker, each by itself; an answer of any kind is an answer",
    "dependency_health/probes.py": "closes one client of a broker that is away",
    "dependency_health/time_limit.py": "one request, whose end nobody waits for",
    "pull/visible_page_loading.py": "reads on in one pathway, which has an end",
    "kafka/fetch/fetcher.py": "reads on in one answer, which has an end",
    "postgres/pool.py": "gives one connection back, in bounded time",
    "auth/jwks.py": "one fetch of the issuer's keys, which has an end",
    "limits/request_bounds.py": "one request, which has an end",
    "streams/webhooks/worker.py": "one sink's requests: awaited by its line, whose end is nobody else's",
    "streams/webhooks/worker_pool.py": "one sink's line: see `_kept`",
    "streams/kafka/client_lifetime.py": "starts and stops one client of a broker, in bounded time",
    "streams/kafka/worker.py": "one topic: what follows is read while it is written",
    "streams/kafka/worker_pool.py": "one topic's writer, whose end is nobody else's",
    "streams/dispatch/request_coalescer.py": "answers who asks; what is wrong with one question is not said to others",
}
"""Files with a task or an endless loop that is no work of `WORKS`, and why nothing of others depends on it."""


def test_no_loop_runs_beside_the_works_that_are_known() -> None:
    found = set()
    for file in _ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = getattr(node, "attr", getattr(node, "id", ""))
            endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
            if endless or (isinstance(node, ast.Attribute | ast.Name) and name in _TASKS):
                found.add(file.relative_to(_ROOT).as_posix())
    assert found == _OTHERS.keys()


@pytest.mark.asyncio(loop_scope="module")
async def test_each_work_that_fails_is_told_of_and_stops_no_other(
    client: Client, loops: LoopControl, caplog: pytest.LogCaptureFixture
) -> None:
    assert loops.turns.keys() == {name for name in WORKS if name != "delivery"}, "each loop is a work that is known"
    for n, work in enumerate(sorted(loops.turns)):
        async with asyncio.timeout(120):
            await _told_of(client, loops, work, n)
    assert (await client.settled())["interactions"] >= len(loops.turns)
    errors = Counter(each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR)
    assert errors == {f"{WORKS[work].title}: fails and is tried again: Injected": 1 for work in loops.turns}


async def _told_of(client: Client, loops: LoopControl, work: str, n: int) -> None:
    loops.failing, before = {work}, dict(loops.turns)
    while True:
        await _something_to_do(client, n)
        status = await client.get("/v1/status")
        if status["failing"] and all(turns > before[name] for name, turns in loops.turns.items()):
            break
    (told,) = status["failing"]
    assert (told["work"], told["records"], told["reason"]) == (work, 0, "Injected")
    ready = await client.http.get("/readyz")
    assert (ready.status_code, ready.json()["failing"]) == (200, [work])
    while work != "set-aside-gauge" and _metric(work) != 1:
        await asyncio.sleep(0.02)
    loops.failing = set()
    while (await client.get("/v1/status"))["failing"]:
        await _something_to_do(client, n)
    while _metric(work):
        await asyncio.sleep(0.02)


async def _something_to_do(client: Client, n: int) -> None:
    """Works that wait for something have a turn."""
    client.up.progress.has_waiters.set()
    await client.post("/v1/events", 202, step("east", n), headers=ONE)


def _metric(work: str) -> int:
    return WORK_FAILING.current_values().get((("pathline.work", work),), 0)
