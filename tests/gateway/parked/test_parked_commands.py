"""What an operator types at night: parked list, show, replay and discard; and the register."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gateway.parked.database import Server
from gateway.parked.delivery import Log, event
from pathline_gateway.cli import app
from pathline_gateway.embedded.standalone_database import run_postgres_alone
from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Operator:
    """Types commands. They run in this process: starting one for each takes most of a second."""

    def __init__(self, dsn: str | None = None) -> None:
        self.dsn = dsn

    def types(self, *words: object) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            if self.dsn is not None:
                patch.setenv("PATHLINE_DATABASE", self.dsn)
            with ThreadPoolExecutor(1) as thread:
                code = thread.submit(_ended, [str(word) for word in words]).result(60)
        return Done(code, out.getvalue(), err.getvalue())

    def sees(self, *words: object) -> str:
        done = self.types(*words)
        assert (done.code, done.stderr) == (0, ""), done
        return done.stdout

    def refused(self, *words: object) -> str:
        """The one line of an error."""
        done = self.types(*words)
        assert done.code != 0
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


def _ended(words: list[str]) -> int:
    """The exit code, as the interpreter makes it of what ended the command."""
    try:
        app(words)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    return 0


def with_database(postgres: Server, work: Callable[[asyncpg.Connection, Operator], Awaitable[None]]) -> None:
    async def run() -> None:
        async with postgres.emptied("commands") as dsn:
            connection = await asyncpg.connect(dsn)
            try:
                await work(connection, Operator(dsn))
            finally:
                await connection.close()

    asyncio.run(run())


def test_an_operator_finds_mends_and_replays_what_was_parked(postgres: Server) -> None:
    async def work(connection: asyncpg.Connection, operator: Operator) -> None:
        assert operator.sees("parked", "list") == "nothing is parked\n"
        await Log().take_in(connection, [event("shelter", "1"), event("shelter", "2"), b"\x1b[31m noise"])
        listed = operator.sees("parked", "list").splitlines()
        assert [line.split()[:3] for line in listed[1:3]] == [
            ["shelter", "unknown-organisation", "2"],
            ["–", "malformed", "1"],
        ]
        found = json.loads(operator.sees("parked", "list", "--reason", "unknown-organisation", "--json"))
        one, two = (record["id"] for record in found["records"])
        shown = operator.sees("parked", "show", one)
        assert "pathline.in.door-1, partition 0, offset 0" in shown
        assert ">>>ce_source: urn:pathline:shelter:desk<<<" in shown
        assert "\x1b" not in operator.sees("parked", "show", two + 1)
        still = operator.types("parked", "replay", one)
        assert (still.code, "still parked  unknown-organisation" in still.stdout) == (1, True)
        assert operator.sees("organisations", "add", "shelter", "--sector", "third-sector").startswith("shelter is on")
        assert "third-sector" in operator.sees("organisations", "list")
        replayed = operator.sees("parked", "replay", "--org", "shelter")
        assert replayed == "2 replayed, 0 still parked, 0 not parked\n"
        again = operator.types("parked", "replay", one, 10**9)
        assert (again.code, again.stdout.splitlines()[-1]) == (1, "0 replayed, 0 still parked, 2 not parked")
        assert operator.sees("parked", "discard", two + 1, "--because", "nobody knows") == "1 discarded\n"
        assert "discarded  at" in operator.sees("parked", "show", two + 1)
        assert operator.sees("parked", "list") == "nothing is parked\n"
        assert await connection.fetchval("select count(*) from interaction") == 2
        who = await connection.fetch("select distinct resolved_by from parked")
        assert all(row["resolved_by"].startswith("cli") for row in who)

    with_database(postgres, work)


def test_everything_can_be_replayed_in_pages(postgres: Server) -> None:
    async def work(connection: asyncpg.Connection, operator: Operator) -> None:
        await Log().take_in(connection, [event("shelter", str(n)) for n in range(1_100)])
        operator.sees("organisations", "add", "shelter")
        assert operator.sees("parked", "replay", "--all") == "1100 replayed, 0 still parked, 0 not parked\n"
        assert await connection.fetchval("select count(*) from interaction") == 1_100

    with_database(postgres, work)


def test_an_error_is_one_line_that_says_what_to_do(postgres: Server, tmp_path: Path) -> None:
    async def work(_: asyncpg.Connection, operator: Operator) -> None:
        assert "no record was parked under 7" in operator.refused("parked", "show", 7)
        assert "say which records" in operator.refused("parked", "replay")
        assert "say which records" in operator.refused("parked", "replay", 1, "--all")
        assert "and why" in operator.refused("parked", "discard", 1, "--because", " ")
        assert "org: " in operator.refused("organisations", "add", "Not A Code")
        assert "holds no data of a gateway" in operator.refused("parked", "list", "--data", tmp_path / "nothing")
        assert not (tmp_path / "nothing").exists()

    with_database(postgres, work)
    assert "PATHLINE_DATABASE" in Operator("postgresql://pathline@/pathline?host=/nowhere").refused("parked", "list")
    assert "the schema of this version" in Operator(postgres.dsn).refused("parked", "list")


@pytest.mark.parametrize("state", ["at rest", "running"])
def test_an_embedded_gateway_is_worked_on_whether_it_runs_or_not(tmp_path: Path, state: str) -> None:
    async def prepared(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await migrate(connection)
        await ensure_partitions(connection)
        await Log().take_in(connection, [event("shelter", "1")])
        await connection.close()

    async def run() -> Any:
        async with run_postgres_alone(tmp_path / "data") as dsn:
            await prepared(dsn)
            if state == "running":
                announced = {"kafka": "", "database": dsn, "cluster_id": "", "first_start": False}
                (tmp_path / "data/machine.json").write_text(json.dumps(announced))
                said = await asyncio.to_thread(operator.sees, *words)
                (tmp_path / "data/machine.json").unlink()
                return said
        return operator.sees(*words)

    operator, words = Operator(), ("parked", "list", "--data", tmp_path / "data")
    assert "unknown-organisation" in asyncio.run(run())
