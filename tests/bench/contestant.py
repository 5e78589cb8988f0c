"""Somebody who stores the events of a topic: how to start it, how to see what it has committed, and how fast it was."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from bench.gateway_process import gateway_command, gateway_environment
from bench.processor import Spent, spent
from bench.topic import PARTITIONS
from pathline_gateway.embedded.child_process import CHILD_EXEC
from support.repository import TESTS

_POLL_S = 0.005
_PATIENCE_S = 60
"""Without one more committed event in this time, a contestant is given up."""


class Lost(Exception):
    """A contestant did not store what it was given, or stored it twice: nothing it measured counts."""


@dataclass(frozen=True)
class Contestant:
    """A program that reads one topic into one database."""

    name: str
    module: str | None
    """Its module or script; None for the gateway itself."""
    committed: str
    """A cheap query: how many events everybody sees."""
    stored: str
    """A thorough query: how many rows, and how many different ids."""
    part: int = 1
    """So slow that it is given the so-manieth part of the events; its rate does not depend on them."""
    poll_s: float = _POLL_S
    processes: int = 1
    """Processes that take in, of a gateway."""

    def command(self, kafka: str, database: str, topic: str, group: str, batch: int) -> Sequence[str]:
        """What to start."""
        given = (kafka, database, topic, group, str(batch))
        if self.module is None:
            return gateway_command(0, self.processes)
        if self.module.endswith(".py"):
            return ("uv", "run", "--quiet", "--locked", "--script", str(TESTS / "bench" / self.module), *given)
        return (sys.executable, "-m", self.module, *given)

    def environment(self, kafka: str, database: str, group: str) -> Mapping[str, str]:
        """What it finds around it."""
        own = gateway_environment(kafka, database, group) if self.module is None else {}
        return {"PYTHONPATH": str(TESTS), **own}


_OF_EVENT = "select count(*), count(distinct (source, id)) from event"

_COMMITTED = "select value from row_counters where name = 'interactions'"
_STORED = "select count(*), count(distinct (source, id)) from interaction"

GATEWAY = Contestant("gateway", None, _COMMITTED, _STORED, processes=min(os.cpu_count() or 1, PARTITIONS))
"""As it is run where it has the machine's cores."""
ONE_PROCESS = Contestant("one_process", None, _COMMITTED, _STORED)
"""As it is run when nothing is said."""
CEILING = Contestant("ceiling", "bench.ceiling", "select n from counted", _OF_EVENT)
PLAIN = Contestant("plain", "bench.plain", "select count(*) from event", _OF_EVENT, part=40, poll_s=0.1)
QUIXSTREAMS = Contestant(
    "quixstreams", "quixstreams_peer.py", "select count(*) from event", _OF_EVENT, part=10, poll_s=0.1
)
ALL = (GATEWAY, ONE_PROCESS, CEILING, PLAIN, QUIXSTREAMS)


@dataclass
class Run:
    """What was seen of a contestant from outside."""

    samples: list[tuple[float, int]] = field(default_factory=list)
    """When (seconds, monotonic), and how many events were committed by then."""
    peak_rss_bytes: int = 0
    spent: list[Spent] = field(default_factory=list)
    """Processor time at the first sample and at the last."""

    @property
    def cpu_us_per_event(self) -> tuple[float, float]:
        """Microseconds of processor time for each event: its own, and those of Postgres for it."""
        events = self.samples[-1][1] - self.samples[0][1]
        own, postgres = (self.spent[-1].own - self.spent[0].own, self.spent[-1].postgres - self.spent[0].postgres)
        return own / events * 1e6, postgres / events * 1e6

    @property
    def events_per_s(self) -> float:
        """From its first commit beyond a third of the events to its last: starting and joining cost nothing here."""
        return self.rate_beyond(1 / 3)

    def rate_beyond(self, part: float) -> float:
        """Events a second once so much of what was stored while it was watched is stored."""
        before, after = self.samples[0][1], self.samples[-1][1]
        warm = [sample for sample in self.samples if sample[1] >= before + (after - before) * part]
        if len(warm) < 2:
            raise ValueError("one commit was seen, and two are needed to tell a rate: give more events")
        (began, first), (ended, last) = warm[0], warm[-1]
        return (last - first) / (ended - began)


@asynccontextmanager
async def started(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The program runs in a session of its own until the block ends, however it ends, or we are killed."""
    launch = (sys.executable, "-I", "-S", str(CHILD_EXEC), str(os.getpid()), str(int(signal.SIGKILL)), "-", "-")
    with log.open("ab") as output:
        process = subprocess.Popen(
            (*launch, shutil.which(command[0]) or command[0], *command[1:]),
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """It and its children are gone. Nobody waits for a farewell: what counts is committed, its group is its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def watched(
    contestant: Contestant, process: subprocess.Popen[bytes] | None, database: str, expected: int, log: Path
) -> Run:
    """What it committed and when, up to the last event. `process` is its own, where we started it. Raises Lost."""
    run, pid = Run(), None if process is None else process.pid
    connection = await asyncpg.connect(database)
    try:
        last = time.monotonic()
        while not run.samples or run.samples[-1][1] < expected:
            n = await _committed(connection, contestant.committed)
            if n > (run.samples[-1][1] if run.samples else 0):
                last = time.monotonic()
                run.samples.append((last, n))
                if len(run.samples) == 1:
                    run.spent.append(await spent(pid, connection))
            if (process is not None and process.poll() is not None) or time.monotonic() > last + _PATIENCE_S:
                raise Lost(f"{contestant.name}: {n} of {expected} committed, then no more; {_tail(log)}")
            await asyncio.sleep(contestant.poll_s)
        run.spent.append(await spent(pid, connection))
        run.peak_rss_bytes = 0 if pid is None else peak_rss_bytes(pid)
        await check_stored(connection, contestant, expected)
    finally:
        await connection.close()
    return run


async def check_stored(connection: asyncpg.Connection, contestant: Contestant, expected: int) -> None:
    """Raises Lost unless each event is stored once."""
    rows, different = await connection.fetchrow(contestant.stored)
    if not rows == different == expected:
        raise Lost(f"{contestant.name}: {expected} events were sent, {rows} rows of {different} events are stored")


async def _committed(connection: asyncpg.Connection, query: str) -> int:
    try:
        return int(await connection.fetchval(query) or 0)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidCachedStatementError):
        return 0


def peak_rss_bytes(pid: int) -> int:
    """The most memory that the process ever had, as the kernel counted it; 0 where it does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-600:]
