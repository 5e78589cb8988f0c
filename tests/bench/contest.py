"""Events a second from Kafka to committed, by everybody in turn, and the ratios between them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from bench import topic
from bench.contestant import GATEWAY, ONE_PROCESS, Contestant, Run, started, watched
from bench.events import stream
from bench.machine import Machine

BATCH = 2_000
"""Records in one batch, for everybody who makes batches."""


async def contest(
    machine: Machine, contestants: Sequence[Contestant], events: int, rounds: int, logs: Path
) -> dict[str, object]:
    """The median of the rounds for each contestant, and how many times faster the gateway was than each other.

    A ratio is the median of the ratios of each round, whose contestants ran one after the other; every second round
    goes backwards, so that what drifts on the machine favours nobody. Raises Lost.
    """
    runs: dict[str, list[Run]] = {each.name: [] for each in contestants}
    given = {
        part: (_topic_of(part), max(events // part, 1_500)) for part in sorted({each.part for each in contestants})
    }
    async with AsyncExitStack() as made:
        for name, size in given.values():
            await made.enter_async_context(topic.topic(machine.kafka, name))
            await topic.fill(machine.kafka, name, stream(size))
        for each in _turns(contestants, rounds):
            runs[each.name].append(await _run(machine, each, *given[each.part], logs / f"{each.name}.log"))
    return _result(runs)


def _topic_of(part: int) -> str:
    return topic.OWN_TOPIC if part == 1 else f"bench.part-{part}"


def _cpu(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    own, postgres = zip(*pairs, strict=True)
    return {"own": round(statistics.median(own), 1), "postgres": round(statistics.median(postgres), 1)}


def _turns(contestants: Sequence[Contestant], rounds: int) -> Iterator[Contestant]:
    for n in range(rounds):
        yield from contestants if n % 2 == 0 else reversed(contestants)


async def _run(machine: Machine, contestant: Contestant, name: str, expected: int, log: Path) -> Run:
    await machine.settle()
    group = f"bench-{uuid4()}"
    async with machine.fresh_database(contestant.name) as database:
        command = contestant.command(machine.kafka, database, name, group, BATCH)
        async with started(command, contestant.environment(machine.kafka, database, group), log) as process:
            return await watched(contestant, process, database, expected, log)


def _result(runs: dict[str, list[Run]]) -> dict[str, object]:
    rates = {name: [run.events_per_s for run in made] for name, made in runs.items()}
    found: dict[str, object] = {
        "events_per_s": round(statistics.median(rates[GATEWAY.name])),
        "intake_processes": GATEWAY.processes,
        "events_per_s_of": {name: [round(rate) for rate in made] for name, made in rates.items()},
        "cpu_us_per_event_of": {name: _cpu([run.cpu_us_per_event for run in made]) for name, made in runs.items()},
        "peak_rss_mb": round(max(run.peak_rss_bytes for run in runs[GATEWAY.name]) / 2**20),
    }
    for name in rates.keys() - {GATEWAY.name, ONE_PROCESS.name}:
        found[f"ratio_to_{name}"] = _ratio(rates[GATEWAY.name], rates[name])
        if ONE_PROCESS.name in rates:
            found[f"ratio_to_{name}_of_one_process"] = _ratio(rates[ONE_PROCESS.name], rates[name])
    return found


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(our / their for our, their in zip(ours, theirs, strict=True)), 3)
