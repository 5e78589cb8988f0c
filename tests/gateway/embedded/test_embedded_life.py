"""Starting and stopping, as a caller of `running` sees it."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from pathline_gateway.embedded import ChildFailed, Machine, PortInUse, find_machine, run_machine

pytestmark = pytest.mark.timeout(60)

AtWork = Callable[[Path], set[int]]


async def query(machine: Machine, sql: str) -> object:
    connection = await asyncpg.connect(machine.database, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.asyncio
async def test_a_record_goes_through_the_broker_and_a_row_into_the_database(data: Path) -> None:
    async with run_machine(data) as machine:
        async with AIOKafkaProducer(bootstrap_servers=machine.kafka) as producer:
            await producer.send_and_wait("pathline.in.even", b"hello", key=b"k")
        async with AIOKafkaConsumer(
            "pathline.in.even", bootstrap_servers=machine.kafka, auto_offset_reset="earliest"
        ) as consumer:
            record = await asyncio.wait_for(consumer.getone(), 10)
            assert (record.key, record.value) == (b"k", b"hello")
        admin = AIOKafkaAdminClient(bootstrap_servers=machine.kafka)
        await admin.start()
        assert (await admin.describe_cluster())["cluster_id"] == machine.cluster_id
        await admin.close()
        await query(machine, "CREATE TABLE t (v text)")
        assert await query(machine, "INSERT INTO t VALUES ('ä') RETURNING v") == "ä"


@pytest.mark.asyncio
async def test_rows_survive_a_restart_and_the_broker_is_a_new_one(data: Path) -> None:
    async with run_machine(data) as first:
        await query(first, "CREATE TABLE t AS SELECT 7 AS v")
    async with run_machine(data) as second:
        assert await query(second, "SELECT v FROM t") == 7
    assert (first.first_start, second.first_start) == (True, False)
    assert first.cluster_id != second.cluster_id


@pytest.mark.asyncio
async def test_five_quick_cycles_leave_nothing_behind(data: Path, at_work: AtWork) -> None:
    for _ in range(5):
        async with run_machine(data):
            assert at_work(data)
        assert at_work(data) == set()


@pytest.mark.asyncio
async def test_an_exception_in_the_block_ends_everything(data: Path, at_work: AtWork) -> None:
    with pytest.raises(ZeroDivisionError):
        async with run_machine(data):
            raise ZeroDivisionError
    assert at_work(data) == set()


@pytest.mark.asyncio
@pytest.mark.parametrize("cancels", [1, 2], ids=["once", "again while stopping"])
async def test_a_cancelled_block_ends_everything(data: Path, at_work: AtWork, cancels: int) -> None:
    ready = asyncio.Event()

    async def block() -> None:
        async with run_machine(data):
            ready.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await asyncio.wait_for(ready.wait(), 30)
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert at_work(data) == set()
    async with run_machine(data):
        pass


@pytest.mark.asyncio
async def test_a_start_that_is_cancelled_ends_everything(data: Path, at_work: AtWork) -> None:
    async def block() -> None:
        async with run_machine(data):
            pass

    task = asyncio.create_task(block())
    while not at_work(data):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert at_work(data) == set()


@pytest.mark.asyncio
async def test_a_command_beside_it_finds_the_machine_only_while_it_runs(data: Path) -> None:
    assert find_machine(data) is None
    async with run_machine(data) as machine:
        beside = find_machine(data)
        assert beside is not None
        assert (beside.kafka, beside.database, beside.first_start) == (machine.kafka, machine.database, False)
    assert find_machine(data) is None


@pytest.mark.asyncio
async def test_only_the_loopback_address_is_listened_on(data: Path, at_work: AtWork) -> None:
    async with run_machine(data) as machine:
        listening = [
            f"{connection.laddr.ip}:{connection.laddr.port}"
            for pid in at_work(data)
            for connection in psutil.Process(pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == [machine.kafka]


@pytest.mark.asyncio
async def test_no_child_is_in_our_process_group(data: Path, at_work: AtWork) -> None:
    async with run_machine(data):
        assert {os.getpgid(pid) for pid in at_work(data)}.isdisjoint({os.getpgrp()})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("timezone", "UTC"),
        ("jit", "off"),
    ],
)
def test_the_database_is_durable_and_the_same_everywhere(
    setting: str, value: str, settings_of_a_new_database: dict[str, str]
) -> None:
    assert settings_of_a_new_database[setting] == value


@pytest.fixture(scope="module")
def settings_of_a_new_database(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    async def read() -> dict[str, str]:
        async with run_machine(tmp_path_factory.mktemp("settings")) as machine:
            connection = await asyncpg.connect(machine.database)
            rows = await connection.fetch(
                "SELECT name, setting FROM pg_settings UNION ALL"
                " SELECT 'lc_collate', datcollate FROM pg_database WHERE datname = current_database()"
            )
            await connection.close()
            return {row["name"].lower(): row["setting"] for row in rows}

    return asyncio.run(read())


@pytest.mark.asyncio
async def test_a_deep_and_odd_directory_works(data: Path) -> None:
    place = data / "a b,c%d é" / ("deep" * 30) / "x"
    async with run_machine(place) as machine:
        assert await query(machine, "SELECT 1") == 1


@pytest.mark.asyncio
async def test_a_fixed_port_is_used(data: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with run_machine(data, kafka_port=port) as machine:
        assert machine.kafka == f"127.0.0.1:{port}"


@pytest.mark.asyncio
async def test_a_fixed_port_that_is_taken_is_named(data: Path, at_work: AtWork) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} "):
            async with run_machine(data, kafka_port=port):
                pass
    assert at_work(data) == set()


@pytest.mark.asyncio
@pytest.mark.parametrize(("program", "name"), [("tansu", "broker"), ("postgres", "Postgres")])
async def test_the_loss_of_a_child_is_told(data: Path, at_work: AtWork, program: str, name: str) -> None:
    lost: asyncio.Future[ChildFailed] = asyncio.get_running_loop().create_future()
    async with run_machine(data, on_loss=lost.set_result):
        (victim,) = (
            process
            for process in map(psutil.Process, at_work(data))
            if process.ppid() == os.getpid() and program in process.exe()
        )
        victim.kill()
        failure = await asyncio.wait_for(lost, 5)
        assert failure.name == name
        assert "SIGKILL" in str(failure)


@pytest.mark.asyncio
async def test_an_ordinary_user_may_run_it(data: Path, tmp_path: Path, begin: Callable[..., object]) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("all other tests run as an ordinary user already, or setpriv is not there to become one")
    home = Path("/tmp") / f"pathline-test-{os.getpid()}"
    home.mkdir()
    try:
        os.chown(home, 65534, 65534)
        # Reading everywhere, so that Python itself may live under root's home; it is no part of what is tested.
        user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        life = begin(home / "data", prefix=user + reading, env={"HOME": str(home)})
        machine = life.machine()  # type: ignore[attr-defined]
        assert await query(machine, "SELECT 1") == 1
        assert (home / "data" / "postgres").stat().st_uid == 65534
        life.stop()  # type: ignore[attr-defined]
    finally:
        shutil.rmtree(home)


@pytest.mark.asyncio
async def test_importing_it_imports_nothing_of_the_gateway() -> None:
    code = "import sys, pathline_gateway.embedded; print(sorted(m for m in sys.modules if m.startswith('pathline')))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said = (await process.communicate())[0].decode()
    rooms = {name.strip(" '[]\n").split(".")[1] for name in said.split(",") if name.count(".") > 0}
    assert rooms == {"embedded", "log_cause"}
