"""Whatever a loop raises: a defect is an ERROR line and told as failing, an outage is one line for all loops."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

import pathline_gateway
from pathline_gateway.background import outage_log, poll_or_wake
from pathline_gateway.background import supervisor as background
from pathline_gateway.background.faults import error_reason
from pathline_gateway.background.health import Health
from pathline_gateway.background.outage_log import OutageLog
from pathline_gateway.background.supervisor import Loop, supervised
from pathline_gateway.background.works import WORKS
from pathline_gateway.dependency_health.monitor import Component, DependencyMonitor
from pathline_gateway.limits.table import Limits
from pathline_gateway.set_aside import repository as set_aside_repository
from pathline_gateway.set_aside.summary import summarize_failures
from pathline_gateway.streams.webhooks import lease_repository, worker_pool
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.worker_context import WorkerContext

_ROOT = Path(pathline_gateway.__file__).parent
_CATCH_ALL_OF_POSTGRES = {
    "background/faults.py": "tells an outage from a defect",
    "background/data_errors.py": "tells a value at fault from all else",
    "postgres/pool.py": "at the start: the operator is told what to look at",
    "commands/verify.py": "a command: the operator is told",
    "commands/rebuild.py": "a command: the operator is told",
    "commands/run_on_database.py": "a command: the operator is told",
    "commands/database_address.py": "a command: the operator is told",
    "intake/batch_persister.py": "asks only whether Postgres answers at all",
    "parked/replay.py": "raises what is not the record's fault",
    "streams/dispatch/event_rendering.py": "raises what Postgres says",
}
"""Files that name every error of Postgres, and why no defect is hidden by it."""


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(_ROOT.rglob("*.py")):
        yield file.relative_to(_ROOT).as_posix(), ast.parse(file.read_text())


def _calls(tree: ast.Module, name: str) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name]


def _text(node: ast.expr, file: str) -> str:
    """A text, or the constant that the module names."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.Name)
    module = importlib.import_module("pathline_gateway." + file.removesuffix(".py").replace("/", "."))
    return str(getattr(module, node.id))


def _declared() -> list[str]:
    """The works of all `Loop(…)` in the source."""
    return sorted(_text(call.args[0], file) for file, tree in _trees() for call in _calls(tree, "Loop"))


def test_every_work_is_one_loop_and_every_loop_is_run_by_the_one_function() -> None:
    assert _declared() == sorted(WORKS.keys() - {"delivery"}), "a stage of dispatch is no loop of its own"
    callers = {name: [file for file, tree in _trees() if _calls(tree, name)] for name in ("poll_or_wake", "supervised")}
    assert callers == {
        "poll_or_wake": ["background/supervisor.py"],
        "supervised": ["intake/service.py", "runtime/gateway.py"],
    }


def test_nobody_catches_every_error_of_postgres_and_goes_on() -> None:
    found = set()
    for file, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name) and "PostgresError" in (
                getattr(node, "attr", ""),
                getattr(node, "id", ""),
            ):
                found.add(file)
    assert found == _CATCH_ALL_OF_POSTGRES.keys()


class Turns:
    """Turns that fail as a test says."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.count = 0

    async def __call__(self) -> bool:
        self.count += 1
        if self.error is not None:
            raise self.error
        return False

    async def more(self, n: int = 3) -> None:
        async with asyncio.timeout(10):
            until = self.count + n
            while self.count < until:
                await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_FAILURE_BACKOFF_S", (0.001, 0.002))
    monkeypatch.setattr(poll_or_wake, "_OUTAGE_BACKOFF_S", (0.001, 0.002))


@contextlib.asynccontextmanager
async def running(health: Health, *works: str) -> AsyncIterator[dict[str, Turns]]:
    turns = {work: Turns() for work in works}
    async with contextlib.AsyncExitStack() as stack:
        for work, each in turns.items():
            await stack.enter_async_context(supervised(Loop(work, each, 0.001, asyncio.Event()), health))
        yield turns


def _lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("work", sorted(WORKS.keys() - {"delivery"}))
async def test_a_misspelt_column_is_an_error_once_and_told_as_failing(
    work: str, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health()
    async with running(health, work) as turns:
        await turns[work].more()
        turns[work].error = asyncpg.UndefinedColumnError('column "nmae" does not exist')
        await turns[work].more()
        ((level, text),) = _lines(caplog)
        assert level == logging.ERROR
        assert "UndefinedColumnError (42703)" in text
        assert "nmae" not in text, "what Postgres wrote may hold a value"
        (told,) = summarize_failures(health.current_failures(), [])
        assert (told.work, told.reason) == (work, "UndefinedColumnError (42703)")
        turns[work].error = None
        await turns[work].more()
    assert [level for level, _ in _lines(caplog)] == [logging.ERROR, logging.WARNING]
    assert health.current_failures() == []


@pytest.mark.parametrize(
    ("component", "error"),
    [
        ("Postgres", ConnectionRefusedError("10.1.2.3 refused")),
        ("Postgres", asyncpg.CannotConnectNowError("the database system is starting up")),
        ("The broker", KafkaConnectionError("10.1.2.3 refused")),
    ],
)
async def test_an_outage_is_one_line_for_all_works_and_one_when_it_is_over(
    component: Component, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Probe:
        def __init__(self) -> None:
            self.component, self.turns = component, Turns()

        async def check(self) -> None:
            await self.turns()

        async def close(self) -> None:
            pass

    log, probe = OutageLog(), Probe()
    health, monitor = Health(outages=log), DependencyMonitor((probe,), log)
    async with running(health, *_declared()) as turns:
        for each in (*turns.values(), probe.turns):
            each.error = error
        await monitor.check(probe)
        for each in turns.values():
            await each.more()
        await monitor.check(probe)
        assert [(level, text.split(":")[0]) for level, text in _lines(caplog)] == [
            (logging.ERROR, f"{component} does not answer")
        ]
        assert "10.1.2.3" not in caplog.text
        probe.turns.error = None
        await monitor.check(probe)
        for each in list(turns.values())[1:]:
            each.error = None
            await each.more()
        assert len(caplog.records) == 1, "one work still meets it"
        next(iter(turns.values())).error = None
        await _until(lambda: len(caplog.records) == 2)
        for each in turns.values():
            await each.more()
    assert len(caplog.records) == 2
    assert _lines(caplog)[1][1].startswith(f"{component} answers again")


def test_a_connection_that_breaks_is_no_outage_and_one_that_is_met_again_is_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = [datetime.now(UTC)]
    log = OutageLog(lambda: at[0], grace=outage_log.GRACE, settling=outage_log.SETTLING)
    log.report("Postgres", "sessions", "ConnectionResetError")
    at[0] += outage_log.GRACE / 2
    log.clear("sessions")
    assert not caplog.records
    log.report("Postgres", "sessions", "ConnectionResetError")
    at[0] += outage_log.GRACE
    log.report("Postgres", "sessions", "ConnectionResetError")
    log.clear("sessions")
    at[0] += outage_log.SETTLING / 2
    log.report("Postgres", "dispatch", "ConnectionResetError")
    log.clear("dispatch")
    assert len(caplog.records) == 1
    at[0] += outage_log.SETTLING
    log.clear("streams")
    assert len(caplog.records) == 2
    log.clear("streams")
    assert len(caplog.records) == 2


class _Worker:
    """The worker of an endpoint, whose deliveries end as a test says."""

    def __init__(self, id: UUID, error: Exception) -> None:
        self.id, self._error = id, error

    async def run(self) -> None:
        raise self._error


async def test_a_defect_of_a_webhook_worker_is_an_error_once_and_set_aside_and_an_outage_is_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[str] = []
    kept: set[str] = set()

    async def keep(_: object, work: str, kind: str, reasons: Mapping[str, Exception]) -> None:
        put.extend(f"{work} {kind} {error_reason(error)}" for error in reasons.values())
        kept.update(reasons)

    async def find(_: object, __: str, keys: Collection[str]) -> set[str]:
        return kept & set(keys)

    async def release(_: object, __: str, keys: Collection[str]) -> None:
        kept.difference_update(keys)

    async def nothing(*_: object) -> None:
        """Leases are no matter of this test."""

    monkeypatch.setattr(set_aside_repository, "put", keep)
    monkeypatch.setattr(set_aside_repository, "find_set_aside", find)
    monkeypatch.setattr(set_aside_repository, "release", release)
    monkeypatch.setattr(lease_repository, "drop_leases", nothing)
    context = SimpleNamespace(limits=Limits(), sender=SimpleNamespace(policy=DeliveryPolicy()), rng=None, limiter=None)
    pool: Any = worker_pool.WebhookWorkerPool(cast(WorkerContext, context))
    for n in range(3):
        await pool._run_worker(_Worker(UUID(int=n), asyncpg.UndefinedColumnError("no such column")))
        await pool._set_aside_failed(None)
    assert put == ["webhooks subscription UndefinedColumnError (42703)"] * 3
    assert [level for level, _ in _lines(caplog)] == [logging.ERROR]
    pool._completed = {UUID(int=0)}
    await pool._release_healthy(None)
    kept.discard(worker_pool._key(UUID(int=1)))  # its owner ended it, or another process released it
    await pool._release_healthy(None)
    assert len(caplog.records) == 1
    pool._completed = {UUID(int=2)}
    await pool._release_healthy(None)
    assert [level for level, _ in _lines(caplog)] == [logging.ERROR, logging.WARNING]
    await pool._run_worker(_Worker(UUID(int=9), ConnectionRefusedError()))
    assert pool._failures == {}
    assert len(caplog.records) == 2


def test_a_work_that_has_a_defect_and_an_outage_in_turns_is_told_of_both(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    health = Health()
    health.record_failure("hand-offs", KafkaConnectionError())
    health.record_failure("hand-offs", KeyError("x"))  # the broker answered, or it would not have come so far
    health.record_failure("hand-offs", ConnectionRefusedError())
    health.record_success("hand-offs")
    said = [each.getMessage() for each in caplog.records]
    assert sum("does not answer" in each for each in said) == 2
    assert sum("answers again" in each for each in said) == 2
    assert sum("fails and is tried again" in each for each in said) == 1
    assert sum("works again" in each for each in said) == 1
