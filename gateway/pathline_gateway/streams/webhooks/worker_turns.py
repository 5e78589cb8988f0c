"""Which worker stops when more endpoints wait than there are workers: organisations share them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, Protocol, TypeVar

TURN_S: Final = 5.0
"""How long a line is left alone while others of its own organisation wait."""


class WorkerHold(Protocol):
    """A line."""

    org: str
    began: float
    ends: bool


Each = TypeVar("Each", bound=WorkerHold)


def most_of_one(lines: Collection[WorkerHold]) -> int:
    """How many lines the organisation has that has most."""
    return max(Counter(line.org for line in lines).values(), default=0)


def replaced(lines: Collection[Each], due: Mapping[str, int], most: int, most_of_each: int, now: float) -> list[Each]:
    """The lines that should end, for sinks that are `due` (how many of each organisation) and have none.

    Where an organisation has as many as it may, its own oldest. Where there are no more at all, those of whoever has
    most, until everybody who waits has as many as the others or needs no more.
    """
    staying: dict[str, list[Each]] = {}
    for line in sorted(lines, key=lambda line: line.began):
        staying.setdefault(line.org, []).extend(() if line.ends else (line,))
    all_of, have = Counter(line.org for line in lines), Counter({org: len(some) for org, some in staying.items()})
    free = most - have.total()
    ending: list[Each] = []
    meant = Counter[str]()
    """Lines that are free, or end, for these: where others have fewer, one of them is passed on, and no other ends."""
    for org, waiting in sorted(due.items(), key=lambda one: have[one[0]]):
        if all_of[org] >= most_of_each:
            old = [line for line in staying[org] if now - line.began >= TURN_S]
            ending += old[: max(0, waiting - (all_of[org] - have[org]))]
            continue
        for _ in range(min(waiting, most_of_each - have[org])):
            if free > 0:
                free -= 1
            else:
                those = [each for each in {**staying, **meant} if staying.get(each) or meant[each]]
                richest = max(those, key=have.__getitem__, default=org)
                if have[richest] <= have[org] + 1:
                    break
                if meant[richest]:
                    meant[richest] -= 1
                else:
                    ending.append(staying[richest].pop(0))
                have[richest] -= 1
            meant[org] += 1
            have[org] += 1
    return ending
