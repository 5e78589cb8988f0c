"""What is measured at one gateway while people use it, in the order in which it grows."""

from __future__ import annotations

from collections.abc import Iterable

from bench.door import BATCH, door
from bench.freshness import freshness
from bench.live import Live
from bench.merging import SIZES, merging
from bench.pull import PULLED_EVENTS, pull
from bench.storage import bytes_per_event

RATES = (1_000, 5_000)
DOOR_BATCHES = 100


async def figures(
    live: Live, seconds: float, rounds: int, start: int, merged: Iterable[int] = SIZES
) -> dict[str, object]:
    """Door, freshness, disk, pull, merges of pathways so long, and memory.

    Events are numbered from `start`, which nobody used before.
    """
    found: dict[str, object] = {"door_events_per_s": await door(live, DOOR_BATCHES, start)}
    start += DOOR_BATCHES * BATCH
    for rate in RATES:
        for name, value in (await freshness(live, rate, seconds, start)).items():
            found[f"freshness_{name}_at_{rate}"] = value
        start += round(rate * seconds)
    found["freshness_p99_ms"] = found[f"freshness_p99_ms_at_{RATES[-1]}"]
    found["bytes_per_event"] = await bytes_per_event(live)
    found |= await pull(live, seconds / 2, rounds, start)
    found |= await merging(live, merged, start + PULLED_EVENTS)
    found["gateway_peak_rss_mb"] = round(live.peak_rss_bytes() / 2**20)
    return found
