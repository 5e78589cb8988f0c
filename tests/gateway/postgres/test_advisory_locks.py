"""Whoever takes two advisory locks takes them in one order, and every one of them stands in one list."""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import pathline_gateway
from gateway.streams.dispatch.watchdog_run import WatchdogRun, offered
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.integrity.rebuild.run import rebuild
from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock, lock_for_transaction
from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from support.gateways.routes import OPERATOR, GatewayRoutes
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import linked, ref, step

GATEWAY = Path(pathline_gateway.__file__).parent
ORDER = list(AdvisoryLock)
TAKERS = [name for name in vars(advisory_locks) if name.startswith(("lock_for", "try_lock_for"))]

_HELD = """
select case objsubid when 1 then (classid::bigint << 32) | objid::bigint else classid::bigint end as number
from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted
"""

Pair = tuple[AdvisoryLock, AdvisoryLock]


class OutOfOrder(AssertionError):
    """A lock was taken by somebody who holds a later one."""


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> set[Pair]:
    """Which lock was taken while which other was held, as Postgres says; the wrong way round raises OutOfOrder."""
    seen: set[Pair] = set()

    def watched(take: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def taken(connection: asyncpg.Connection, lock: AdvisoryLock, *more: str) -> Any:
            for held in {AdvisoryLock(row["number"]) for row in await connection.fetch(_HELD)} - {lock}:
                if ORDER.index(held) > ORDER.index(lock):
                    raise OutOfOrder(f"{lock.name} after {held.name}")
                seen.add((held, lock))
            return await take(connection, lock, *more)

        return taken

    for name in TAKERS:
        monkeypatch.setattr(advisory_locks, name, watched(getattr(advisory_locks, name)))
    return seen


async def test_locks_are_taken_in_the_order_of_their_list(gateway: GatewayRoutes, pairs: set[Pair]) -> None:
    await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(step("housing", "here", 9), step("clinic", "there", 1))
    await gateway.publish(linked("same", ref("housing", 9), ref("clinic", 1)), offered(accept=60))
    dog = WatchdogRun(gateway)
    await dog.at(61)
    assert (await gateway.request(OPERATOR, "POST", "/v1/concealed", json={"org": "clinic"})).is_success
    await dog.at(62)
    async with gateway.pool.acquire() as connection:
        await ensure_partitions(connection)
        assert await migrate(connection) == []
    connection = await asyncpg.connect(gateway.database)
    try:
        assert [each for each in await rebuild(connection) if each.differing_count] == []
    finally:
        await connection.close()
    # That nothing was out of order says something only where two were held.
    assert pairs >= {
        (AdvisoryLock.LINK_COMPONENTS, AdvisoryLock.CHANGE_LOG),
        (AdvisoryLock.MEMBERSHIP, AdvisoryLock.CHANGE_LOG),
        (AdvisoryLock.HANDOFF_PROJECTION, AdvisoryLock.DISPATCH),
        (AdvisoryLock.REBUILD, AdvisoryLock.MEMBERSHIP),
        (AdvisoryLock.CHANGE_LOG, AdvisoryLock.HANDOFF_PROJECTION),
    }


async def test_the_wrong_order_is_found(gateway: GatewayRoutes, pairs: set[Pair]) -> None:
    async with gateway.pool.acquire() as connection, connection.transaction():
        await advisory_locks.lock_for_transaction(connection, AdvisoryLock.CHANGE_LOG)
        with pytest.raises(OutOfOrder):
            await advisory_locks.lock_for_transaction(connection, AdvisoryLock.MEMBERSHIP)
        await lock_for_transaction(connection, AdvisoryLock.HANDOFF_PROJECTION)


def _numbers(tree: ast.AST) -> set[int]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, int)}


def _strays(source: str) -> list[str]:
    """What in a module takes an advisory lock by itself."""
    found = re.findall(r"pg_(?:try_)?advisory\w*", source)
    return found + [hex(number) for number in _numbers(ast.parse(source)) & {*AdvisoryLock}]


def test_no_other_module_names_a_lock_by_its_number() -> None:
    modules = [path for path in GATEWAY.rglob("*.py") if path.name != "advisory_locks.py"]
    assert len(modules) > 300
    assert {str(path): strays for path in modules if (strays := _strays(path.read_text()))} == {}
    assert _strays("LOCK = 0x706C_0004") == ["0x706c0004"]
    assert _strays('A = "select pg_try_advisory_lock($1)"') == ["pg_try_advisory_lock"]


def test_locks_of_functions_in_the_database_are_in_the_list() -> None:
    named = [
        int(number)
        for path in sorted((GATEWAY / "migrations").glob("*.sql"))
        for number in re.findall(r"pg_(?:try_)?advisory\w*\((\d+)\)", path.read_text())
    ]
    assert named
    assert {*named} <= {*AdvisoryLock}
