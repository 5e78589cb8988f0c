"""Processor time: what work costs, also on a machine that others use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import psutil

_BACKENDS = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time, user and system."""

    own: float
    postgres: float


async def spent(pid: int | None, connection: asyncpg.Connection) -> Spent:
    """What this process and its children have used, and what Postgres has for everybody else in this database."""
    backends = [row["pid"] for row in await connection.fetch(_BACKENDS)]
    return Spent(_of_family(pid) if pid else 0.0, sum(_of_one(each) for each in backends))


def _of_family(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return sum(_of_one(each.pid) for each in (parent, *parent.children(recursive=True)))
    return 0.0


def _of_one(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0
