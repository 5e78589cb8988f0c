"""Power cuts, killed parents and what they leave: nothing committed is lost and the next start copes."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from pathline_gateway.embedded import DataDirectoryInUse, Machine, orphan_cleanup, run_machine
from pathline_gateway.embedded.broker import build_broker_command, find_broker_program
from pathline_gateway.embedded.os_account import choose_account
from pathline_gateway.embedded.postgres import PROGRAM_COPIES, build_server_command, find_programs, find_wheel_programs

pytestmark = pytest.mark.timeout(60)

AtWork = Callable[[Path], set[int]]
Until = Callable[..., None]


class Life(Protocol):
    pid: int

    def machine(self) -> Machine: ...
    def kill(self) -> None: ...
    def cut_power(self) -> None: ...
    def stop(self) -> None: ...


Begin = Callable[[], Life]


def insert(machine: Machine, value: int) -> None:
    async def inserted() -> None:
        connection = await asyncpg.connect(machine.database, timeout=10)
        await connection.execute("CREATE TABLE IF NOT EXISTS t (v int)")
        await connection.execute("INSERT INTO t VALUES ($1)", value)
        await connection.close()

    asyncio.run(inserted())


def rows(machine: Machine) -> list[int]:
    async def read() -> list[int]:
        connection = await asyncpg.connect(machine.database, timeout=10)
        values = [row["v"] for row in await connection.fetch("SELECT v FROM t ORDER BY v")]
        await connection.close()
        return values

    return asyncio.run(read())


@pytest.mark.parametrize("death", ["kill", "cut_power"])
def test_no_child_outlives_a_killed_parent_and_rows_are_there(
    begin: Begin, data: Path, at_work: AtWork, until: Until, death: str
) -> None:
    life = begin()
    insert(life.machine(), 1)
    getattr(life, death)()
    until(lambda: not at_work(data), 3)
    again = begin()
    assert rows(again.machine()) == [1]
    again.stop()
    assert at_work(data) == set()


@pytest.mark.parametrize("death", ["kill", "cut_power"])
def test_starts_right_after_kills_lose_nothing(begin: Begin, death: str) -> None:
    for count in range(5):
        life = begin()
        machine = life.machine()
        insert(machine, count)
        assert rows(machine) == list(range(count + 1))
        getattr(life, death)()
    last = begin()
    assert rows(last.machine()) == [0, 1, 2, 3, 4]
    last.stop()


@pytest.mark.parametrize("sign", ["postgres.new-*", "postgres.new-*/base", "postgres", "postgres/postmaster.pid"])
def test_a_first_start_that_is_killed_is_made_good_by_the_next(
    begin: Begin, data: Path, until: Until, sign: str
) -> None:
    life = begin()
    until(lambda: any(data.glob(sign)), 10)
    life.cut_power()
    again = begin()
    insert(again.machine(), 1)
    again.stop()
    assert list(data.glob("postgres.new-*")) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("state", ["running", "frozen"])
async def test_a_postgres_that_was_left_running_is_ended(
    data: Path, at_work: AtWork, monkeypatch: pytest.MonkeyPatch, until: Until, state: str
) -> None:
    monkeypatch.setattr(orphan_cleanup, "STOP_SIGNALS", ((signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)))
    async with run_machine(data):
        pass
    postmaster, dsn = by_hand(data)
    until(lambda: (data / "postgres" / ".s.PGSQL.5432").exists())
    connection = await connected(dsn)
    await connection.execute("CREATE TABLE t AS SELECT 5 AS v")
    if state == "frozen":
        postmaster.send_signal(signal.SIGSTOP)
    async with run_machine(data) as machine:
        assert postmaster.wait(5) in (0, 2, -signal.SIGQUIT, -signal.SIGKILL)
        fresh = await asyncpg.connect(machine.database)
        assert await fresh.fetchval("SELECT v FROM t") == 5
        await fresh.close()
    connection.terminate()
    assert at_work(data) == set()


def by_hand(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A Postgres on this data without the kernel's order to die with its parent."""
    account = choose_account(data / "postgres")
    programs = find_programs(account, find_wheel_programs(), PROGRAM_COPIES)
    command = build_server_command(programs, data / "postgres", data / "log" / "by-hand.log", account)
    process = subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        start_new_session=True,
    )
    return process, f"postgresql://pathline@/pathline?host=/proc/{process.pid}/cwd"


async def connected(dsn: str) -> asyncpg.Connection:
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncpg.connect(dsn)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_broker_that_was_left_running_is_ended(data: Path) -> None:
    async with run_machine(data):
        pass
    command = build_broker_command(find_broker_program(), data / "broker", data / "log" / "broker.log", "old", 0)
    broker = subprocess.Popen(command.argv, cwd=command.cwd, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        async with run_machine(data):
            assert broker.wait(5) in (-signal.SIGQUIT, -signal.SIGKILL)
    finally:
        broker.kill()
        broker.wait()


@pytest.mark.asyncio
async def test_one_that_has_no_command_line_yet_is_looked_at_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    child = subprocess.Popen(["sleep", "60"], cwd=data)
    own = data.stat()
    seen = orphan_cleanup.Process(child.pid, ("",), (own.st_dev, own.st_ino))
    executed = replace(seen, argv=("postgres", "-D", "x"))
    looks = iter([[seen], [seen]])
    monkeypatch.setattr(
        orphan_cleanup, "list_processes", lambda: next(looks, [executed] if child.poll() is None else [])
    )
    monkeypatch.setattr(orphan_cleanup, "_read_process", lambda pid: executed)
    assert await orphan_cleanup.stop_orphans(data, [data]) == 1
    assert child.wait(5) in (-signal.SIGQUIT, -signal.SIGKILL)  # where a run was begun with SIGQUIT ignored: the second


@pytest.mark.asyncio
async def test_a_stranger_in_our_directories_is_left_alone(data: Path) -> None:
    async with run_machine(data):
        pass
    stranger = subprocess.Popen(["sleep", "60"], cwd=data / "postgres")
    try:
        async with run_machine(data):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.asyncio
async def test_a_person_in_single_user_mode_is_not_killed(data: Path) -> None:
    async with run_machine(data):
        pass
    person = subprocess.Popen(
        ["postgres", "-c", "read line", "--single"],
        executable="/bin/sh",
        cwd=data / "postgres",
        stdin=subprocess.PIPE,
    )
    try:
        with pytest.raises(DataDirectoryInUse, match=f"process {person.pid}"):
            async with run_machine(data):
                pass
        assert person.poll() is None
    finally:
        person.kill()
        person.communicate()


@pytest.mark.asyncio
async def test_a_stale_lock_whose_process_id_was_given_out_again_does_not_matter(data: Path) -> None:
    async with run_machine(data):
        pass
    cluster = data / "postgres"
    owner = cluster.stat()
    who = {} if os.geteuid() != 0 else {"user": owner.st_uid, "group": owner.st_gid}
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **who)  # type: ignore[call-overload]
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            lock = cluster / name
            lock.write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n.\n\n  1  1\nready   \n")
            os.chown(lock, owner.st_uid, owner.st_gid)
        async with run_machine(data):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
