"""The benchmark measures what it says: nobody is fast by losing events, and no wait is hidden."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Final, cast

import asyncpg
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import freshness, report
from bench.contest import contest
from bench.contestant import ALL, CEILING, GATEWAY, PLAIN, Lost, Run, check_stored
from bench.events import REPEATED_EVERY, stream
from bench.machine import Machine, machine
from pathline.codec import kafka
from pathline.interaction import accept
from support.repository import TESTS

pytestmark = pytest.mark.bench


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine("tansu", tmp_path / "data") as running:
        yield running


@pytest.mark.long
async def test_gateway_and_peers_store_every_event_of_the_contest_once(made: Machine, tmp_path: Path) -> None:
    found = await contest(made, [GATEWAY, CEILING, PLAIN], 12_000, 1, tmp_path)
    assert found.keys() >= {"events_per_s", "ratio_to_ceiling", "ratio_to_plain", "peak_rss_mb"}
    speeds = cast("dict[str, list[float]]", found["events_per_s_of"])
    assert found["ratio_to_plain"] == pytest.approx(speeds["gateway"][0] / speeds["plain"][0], rel=0.02)


_STARTS_ONE: Final = """
import asyncio, sys
from pathlib import Path
from bench.contestant import started

async def main():
    async with started(("sleep", "60"), {}, Path(sys.argv[1])) as process:
        print(process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_what_was_started_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", _STARTS_ONE, str(tmp_path / "log"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TESTS) as run:
        assert run.stdout is not None
        one = psutil.Process(int(run.stdout.readline()))
        run.kill()
    end = time.monotonic() + 10
    with suppress(psutil.NoSuchProcess):
        while one.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < end, "it goes on"
            time.sleep(0.01)


@pytest.mark.parametrize(("ids", "lost"), [(["a", "b", "c"], False), (["a", "b"], True), (["a", "b", "b"], True)])
async def test_a_contestant_that_lost_or_doubled_an_event_ends_the_run(
    made: Machine, ids: list[str], lost: bool
) -> None:
    async with made.fresh_database("checked") as database:
        connection = await asyncpg.connect(database)
        await connection.execute("create table event (source text, id text)")
        await connection.executemany("insert into event values ('s', $1)", [(each,) for each in ids])
        if lost:
            with pytest.raises(Lost):
                await check_stored(connection, CEILING, 3)
        else:
            await check_stored(connection, CEILING, 3)
        await connection.close()


def test_the_stream_has_the_size_the_repeats_and_the_steps_that_it_promises() -> None:
    events = list(stream(3_000))
    read = [accept(kafka.decode(each.headers, each.value)) for each in events]
    assert len(events) - len({each.id for each in read}) == 3_000 // REPEATED_EVERY - 1
    assert len({each.subject for each in read}) == 200
    assert 480 <= sum(each.size for each in events) / len(events) <= 520
    again = {each.id for each in (accept(kafka.decode(s.headers, s.value)) for s in stream(3_000, 3_000))}
    assert again.isdisjoint(each.id for each in read)


def test_a_rate_counts_from_the_first_commit_beyond_a_third_and_needs_two() -> None:
    assert Run([(8.0, 0), (10.0, 3_000), (11.0, 6_000), (12.0, 9_000)]).events_per_s == 3_000
    grown = Run([(8.0, 10_000), (10.0, 13_000), (11.0, 16_000), (12.0, 20_000)])
    assert (grown.rate_beyond(0.5), grown.rate_beyond(0)) == (4_000, 2_500)
    with pytest.raises(ValueError, match="two are needed"):
        _ = Run([(10.0, 2_000)]).events_per_s


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), max_size=30),
)
def test_an_event_waits_from_when_it_was_due_to_the_first_look_past_its_offset(
    partitions: list[int], moves: list[tuple[int, int]]
) -> None:
    offsets = [(p, partitions[:n].count(p)) for n, p in enumerate(partitions)]
    times = list(accumulate(ms / 1e3 for ms, _ in moves))
    looks = list(zip(times, accumulate(by for _, by in moves), strict=True))
    passed = {p: [*looks, (1e3, 1_000)] for p in range(3)}
    waits = freshness._waits(0.0, 100, offsets, passed)
    for n, ((partition, offset), wait) in enumerate(zip(offsets, waits, strict=True)):
        seen = passed[partition]
        first = bisect_right([position for _, position in seen], offset)
        assert wait == pytest.approx(seen[first][0] - n / 100)


def test_a_report_without_one_of_its_figures_is_not_written(tmp_path: Path) -> None:
    whole = dict.fromkeys(report.KEYS)
    report.write(whole, tmp_path / "build/bench.json")
    assert json.loads((tmp_path / "build/bench.json").read_text()).keys() == report.KEYS
    del whole["growth_ratio"]
    with pytest.raises(KeyError, match="growth_ratio"):
        report.write(whole, tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()


def test_every_peer_of_the_design_takes_part() -> None:
    assert {each.name for each in ALL} == {"gateway", "one_process", "ceiling", "plain", "quixstreams"}
    assert {f"ratio_to_{each.name}" for each in ALL if each.module is not None} <= report.GOALS.keys()
