"""Many who listen and many sinks, some slow and some dead: how far behind is each, and has it what it should have?

    PYTHONPATH=tests python -m bench.streams --seconds 30 [--auth]
        [--subscribers N] [--sinks N] [--rate N] [--broker apache|tansu|HOST:PORT]

A whole gateway beside an Apache Kafka and a Postgres, as agencies run it. (The embedded broker keeps its log in memory,
and a fetch takes the longer the more is in it: after a minute at this pace everybody waits for that.) This process
publishes to Kafka, a third one receives. The load is open: an event's delay counts from when it was due to be
published, whoever was late.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from bench.streams_load import Load
from bench.streams_run import run

ORGS = 5
"""Who subscribes with auth on, each to its own events."""
app = App(name="bench.streams", help="Measures streams under load.")


@app.default
def main(
    *,
    seconds: float = 30,
    subscribers: int = 1_000,
    sinks: int = 100,
    rate: int = 2_000,
    broker: str = "apache",
    auth: Annotated[bool, Parameter(negative="")] = False,
    out: Path = Path("build/streams.json"),
) -> None:
    """Writes the figures and shows them; ends with an error when somebody has not what the oracle says."""
    load = Load(subscribers, sinks, rate, ORGS if auth else 1)
    with tempfile.TemporaryDirectory(prefix="pathline-bench-") as kept:
        found = uvloop.run(run(load, seconds, Path(kept), auth=auth, broker=broker))
    out.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(out.read_text()) if out.exists() else {}
    out.write_text(json.dumps({**before, "auth on" if auth else "auth off": found}, indent=2) + "\n")
    table = Table("figure", "measured", title=f"streams under load, auth {'on' if auth else 'off'}")
    for name, value in found.items():
        table.add_row(name, str(value))
    Console(width=140).print(table)
    if found["wrong"]:
        sys.exit(1)


if __name__ == "__main__":
    app()
