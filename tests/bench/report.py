"""What a run came to: `build/bench.json`, and a table for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

GOALS: Mapping[str, tuple[str, float, str]] = {
    "ratio_to_ceiling": ("at least", 1.0, "Kafka to committed on all cores, against the same parts bare and serial"),
    "ratio_to_plain": ("at least", 25, "… against one insert a message"),
    "ratio_to_quixstreams": ("at least", 3, "… against quixstreams and its PostgreSQL sink"),
    "freshness_p99_ms": ("at most", 250, "publish to pullable at 5,000 events/s, p99"),
    "pull_ratio_to_query": ("at least", 0.5, "pulls of 50 steps over HTTP that read them, against the bare query"),
    "pull_ratio_to_handler": ("at least", 1.5, "… against a plain handler: FastAPI, asyncpg, orjson"),
    "pull_ratio_304": ("at least", 3, "… answers to whoever has the pathway already, against those pulls"),
    "pull_ratio_months": ("at least", 0.9, "… with partitions of seven years before, against none"),
    "eligibility_per_s": ("at least", 20_000, "offers judged of one person, on one core"),
    "dispatch_events_per_s_to_ten_by_two": (
        "at least",
        40_000,
        "to ten subscriptions that take everything, two processes",
    ),
    "merge_growth": ("at most", 1.5, "link to pullable on the longest pathway, against the shortest"),
    "merges_per_s": ("at least", 1_000, "links of small pathways, from Kafka to committed membership"),
    "growth_ratio": ("at least", 0.8, "throughput on the large store, against the small one"),
    "bytes_per_event": ("at most", 1_000, "on disk for each event, indexes included"),
}
"""What the project set itself, by key of the report."""

KEYS = frozenset((*GOALS, "events_per_s", "door_events_per_s", "gateway_peak_rss_mb", "machine", "mode"))
"""Every report has these; null where it was not measured, with the reason in `left_out`."""


def machine_facts(broker: str) -> dict[str, object]:
    """What the figures depend on beside the code."""
    packages = ("aiokafka", "asyncpg", "faststream", "pydantic", "uvloop")
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        "broker": broker,
        "packages": {name: version(name) for name in packages},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def write(found: Mapping[str, object], to: Path) -> None:
    """The report is in the file. Raises KeyError when something that every report has is missing."""
    missing = KEYS - found.keys()
    if missing:
        raise KeyError(f"the report lacks {', '.join(sorted(missing))}")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(found, indent=2) + "\n")


def show(found: Mapping[str, object], console: Console) -> None:
    """Goals first, then every other figure."""
    table = Table("figure", "measured", "goal", "", title=f"make bench ({found['mode']})")
    for name, (sense, goal, meaning) in GOALS.items():
        table.add_row(name, _mark(found[name], sense, goal), f"{sense} {goal:g}", meaning)
    table.add_section()
    for name, value in found.items():
        if name not in GOALS and name not in ("machine", "mode"):
            table.add_row(name, str(value), "", "")
    console.print(table)


def _mark(value: object, sense: str, goal: float) -> str:
    if not isinstance(value, int | float):
        return "[yellow]not measured"
    reached = value >= goal if sense == "at least" else value <= goal
    return f"[{'green' if reached else 'red'}]{value:g}"
