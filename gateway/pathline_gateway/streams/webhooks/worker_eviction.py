"""Which worker stops when more sinks wait than there are workers: organisations share them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, Protocol, TypeVar

MIN_RUN_S: Final = 5.0
"""How long a worker is left alone while others of its own organisation wait."""


class RunningWorker(Protocol):
    """What is known of a worker."""

    org: str
    started_at: float
    is_stopping: bool


Worker = TypeVar("Worker", bound=RunningWorker)


def max_workers_per_org(workers: Collection[RunningWorker]) -> int:
    """How many workers the organisation has that has most."""
    return max(Counter(worker.org for worker in workers).values(), default=0)


def choose_workers_to_stop(
    workers: Collection[Worker], due: Mapping[str, int], max_workers: int, max_per_org: int, now: float
) -> list[Worker]:
    """The workers that should end, for sinks that are `due` (how many of each organisation) and have none.

    Where an organisation has as many as it may, its own oldest. Where there are no more at all, those of whoever has
    most. It goes on until everybody who waits has as many as the others, or needs no more.
    """
    staying: dict[str, list[Worker]] = {}
    for worker in sorted(workers, key=lambda worker: worker.started_at):
        staying.setdefault(worker.org, []).extend(() if worker.is_stopping else (worker,))
    worker_counts, staying_counts = (
        Counter(worker.org for worker in workers),
        Counter({org: len(some) for org, some in staying.items()}),
    )
    free = max_workers - staying_counts.total()
    stopping: list[Worker] = []
    reserved = Counter[str]()
    """Lines that are free, or end, for these: where others have fewer, one of them is passed on, and no other ends."""
    for org, waiting in sorted(due.items(), key=lambda one: staying_counts[one[0]]):
        if worker_counts[org] >= max_per_org:
            expired = [worker for worker in staying[org] if now - worker.started_at >= MIN_RUN_S]
            stopping += expired[: max(0, waiting - (worker_counts[org] - staying_counts[org]))]
            continue
        for _ in range(min(waiting, max_per_org - staying_counts[org])):
            if free > 0:
                free -= 1
            else:
                candidates = [each for each in {**staying, **reserved} if staying.get(each) or reserved[each]]
                richest = max(candidates, key=staying_counts.__getitem__, default=org)
                if staying_counts[richest] <= staying_counts[org] + 1:
                    break
                if reserved[richest]:
                    reserved[richest] -= 1
                else:
                    stopping.append(staying[richest].pop(0))
                staying_counts[richest] -= 1
            reserved[org] += 1
            staying_counts[org] += 1
    return stopping
