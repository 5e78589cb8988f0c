"""Three brokers, a Postgres behind a proxy, three gateways; and everything that happens to them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from types import MappingProxyType, TracebackType
from typing import Any, Self

import asyncpg
import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chaos.publisher import ORGS
from pathline_gateway.embedded.errors import EmbeddedError
from support.brokers.apache_kafka import ApacheKafka
from support.postgres.own_server import OwnPostgres
from support.preloaded import CommandProcess
from support.servers.tcp_proxy import HOST, Proxy

SESSION_MS = 6_000
GATEWAYS = 3
DISK = "2g"
"""Of Postgres: its log of changes alone may take half of it."""


class World:
    """All of it runs, in a folder that goes with it."""

    def __init__(
        self, place: Path, random: Random, *, disk: bool, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`environment`: what gateways are told besides."""
        self.place, self.random, self._disk, self._environment = place, random, disk, environment
        self.postgres = OwnPostgres(place / "pg")
        self.gateways: list[CommandProcess] = []
        self.frozen: set[int] = set()
        self.down: set[int] = set()
        self.starts = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.mounted = self._disk and self._mount()
            self.kafka = self._stack.enter_context(ApacheKafka(self.place, nodes=3, heap="320m"))
            self._stack.enter_context(self.postgres)
            self.proxy = self._stack.enter_context(Proxy(self.postgres.socket))
            asyncio.run(self._prepare())
            self._stack.callback(self._end_gateways)
            for _ in range(GATEWAYS):
                self.gateways.append(self._gateway())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def tend(self) -> None:
        """Gateways that ended are started again, as a supervisor would."""
        self.gateways = [g if g.poll() is None else self._gateway() for g in self.gateways]

    def sql(self, *statements: str) -> list[asyncpg.Record]:
        """What the last of these answers, past the proxy; nothing while Postgres is away."""

        async def ask() -> list[asyncpg.Record]:
            settings = {"default_transaction_read_only": "off", "application_name": "chaos"}
            connection = await asyncpg.connect(self.postgres.dsn, server_settings=settings, timeout=10)
            try:
                return list([await connection.fetch(statement) for statement in statements][-1])
            finally:
                await connection.close()

        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return asyncio.run(ask())
        return []

    # What happens. Each leaves the world as it found it.

    def kill_gateway(self) -> None:
        self._any_gateway().kill()

    def stop_gateway(self) -> None:
        """Asked to stop: the partitions move twice."""
        self._any_gateway().terminate()

    def freeze_gateway(self) -> None:
        """A zombie: it wakes up after the group has given its partitions to others, with its batch in hand."""
        zombie = self._any_gateway()
        os.kill(zombie.pid, signal.SIGSTOP)
        self._rest(SESSION_MS / 1000 + self.random.uniform(1, 3))
        with suppress(ProcessLookupError):
            os.kill(zombie.pid, signal.SIGCONT)

    def freeze_gateway_for_long(self) -> None:
        """Longer than a lease: it wakes with a write in hand, and another gateway has written on."""
        zombie = self._any_gateway()
        os.kill(zombie.pid, signal.SIGSTOP)
        self._rest(24)
        with suppress(ProcessLookupError):
            os.kill(zombie.pid, signal.SIGCONT)

    def one_more_gateway(self) -> None:
        more = self._gateway()
        self._rest(self.random.uniform(4, 7))
        more.terminate()
        self._ended(more)

    def terminate_backends(self) -> None:
        self.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend'"
            " and application_name <> 'chaos' and random() < 0.7"
        )

    def kill_backend(self) -> None:
        """SIGKILL: Postgres ends every connection and recovers."""
        rows = self.sql("select pid from pg_stat_activity where application_name <> 'chaos' and state is not null")
        if rows:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(rows)["pid"], signal.SIGKILL)

    def kill_postgres(self) -> None:
        self.postgres.kill()
        self._rest(self.random.uniform(0, 2))
        self._until(self._postgres_gone, 30)
        self._until(self._postgres_starts, 60)

    def kill_broker(self) -> None:
        node = self.random.randint(1, 3)
        self.kafka.kill(node)
        self._rest(self.random.uniform(1, 5))
        self.kafka.start(node)
        self._until(self._in_sync, 90)

    def freeze_broker(self) -> None:
        node = self.random.randint(1, 3)
        self.kafka.freeze(node)
        self._rest(self.random.uniform(2, 6))
        self.kafka.thaw(node)
        self._until(self._in_sync, 90)

    def read_only(self) -> None:
        self.sql("alter system set default_transaction_read_only = on", "select pg_reload_conf()")
        self._rest(self.random.uniform(1, 3))
        self._until(lambda: self.sql("alter system reset default_transaction_read_only", "select pg_reload_conf()"), 60)

    def fill_disk(self) -> None:
        """Not a byte is left, for a while; Postgres may end over it."""
        ballast = self.place / "pg" / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"\0" * 65_536)
                file.flush()
        self._rest(self.random.uniform(1, 3))
        ballast.unlink()
        if not self.sql("select 1"):
            self.postgres.kill()
            self._until(self._postgres_gone, 30)
            self._until(self._postgres_starts, 60)

    def cut(self) -> None:
        for _ in range(self.random.randint(1, 5)):
            self.proxy.cut()
            self._rest(self.random.uniform(0, 0.5))

    def halve(self) -> None:
        for _ in range(self.random.randint(1, 5)):
            self.proxy.halve()
            self._rest(self.random.uniform(0, 0.5))

    def delay(self) -> None:
        self.proxy.delay = self.random.uniform(0.02, 0.4)
        self._rest(self.random.uniform(1, 3))
        self.proxy.delay = 0.0

    def happenings(self) -> list[Callable[[], None]]:
        """Everything that can happen here."""
        found = [
            self.kill_gateway, self.kill_gateway, self.stop_gateway, self.freeze_gateway, self.one_more_gateway,
            self.terminate_backends, self.terminate_backends, self.kill_backend, self.kill_postgres, self.kill_broker,
            self.freeze_broker, self.read_only, self.cut, self.halve, self.delay,
        ]  # fmt: skip
        return [*found, self.fill_disk] if self.mounted else found

    # How.

    def _any_gateway(self) -> CommandProcess:
        return self.random.choice(self.gateways)

    def _gateway(self) -> CommandProcess:
        self.starts += 1
        environment = {
            "PATHLINE_KAFKA": self.kafka.bootstrap,
            "PATHLINE_DATABASE": f"postgresql://pathline@{HOST}:{self.proxy.port}/pathline?sslmode=disable",
            "PATHLINE_REPLICATION_FACTOR": "3",
            "PATHLINE_SESSION_TIMEOUT_MS": str(SESSION_MS),
        }
        command = ["up", "--dev-auth", "off", "--port", "0"]
        return CommandProcess(command, {**os.environ, **environment, **self._environment}, self.place / "gateways.log")

    def _end_gateways(self) -> None:
        for gateway in self.gateways:
            gateway.kill()
            gateway.wait()

    def _ended(self, gateway: CommandProcess) -> None:
        try:
            gateway.wait(30)
        except subprocess.TimeoutExpired:
            gateway.kill()
            gateway.wait()

    def _rest(self, seconds: float) -> None:
        """Time goes by, and ended gateways are started again."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tend()
            time.sleep(min(0.2, left))

    def _until(self, holds: Callable[[], Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s: {holds}"
            self._rest(0.1)

    def _postgres_gone(self) -> bool:
        cluster = self.postgres.socket.parent
        return not any(p.info["name"] == "postgres" and _works_in(p, cluster) for p in psutil.process_iter(["name"]))

    def _postgres_starts(self) -> bool:
        try:
            self.postgres.start()
        except EmbeddedError:
            return False
        return True

    def _in_sync(self) -> bool:
        """Every partition has all its copies again: another broker may now die."""

        async def ask() -> bool:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap, request_timeout_ms=5_000)
            await admin.start()
            try:
                topics = await admin.describe_topics([f"pathline.in.{org}" for org in ORGS])
            finally:
                await admin.close()
            return all(len(p["isr"]) == 3 for topic in topics for p in topic["partitions"])

        try:
            return asyncio.run(ask())
        except Exception:
            return False

    async def _prepare(self) -> None:
        await self.postgres.migrated()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(f"pathline.in.{org}", 3, 3) for org in ORGS])
        finally:
            await admin.close()

    def _mount(self) -> bool:
        """Postgres has a small disk of its own; only root can do that."""
        folder = self.place / "pg"
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", folder], capture_output=True)
        if done.returncode == 0:
            self._stack.callback(lambda: subprocess.run(["umount", "-l", folder], check=False))
            (folder / "postgres").mkdir()
        return done.returncode == 0


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False
