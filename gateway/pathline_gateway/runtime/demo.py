"""The demonstration: reference services and a simulator beside the gateway, and where to look."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from pathline_gateway.embedded.child_process import Child, Command, children
from pathline_gateway.embedded.machine import LOGS

LIVES: Final = 300
"""Simulated people."""

RATE: Final = 40
"""Visits a second: the demonstration has told all lives after some minutes, and shows something in the first one."""


class DemoMissing(Exception):
    """The reference services are not installed."""


@asynccontextmanager
async def demonstration(data: Path, kafka: str) -> AsyncIterator[Child]:
    """The reference services and the simulator run; both end with the block. Raises DemoMissing."""
    place = data / "demo"
    place.mkdir(exist_ok=True)
    play = ("play", "--kafka", kafka, "--lives", str(LIVES), "--rate", str(RATE))
    async with children() as started:
        yield started.start(
            Command(
                "the reference services",
                (services(), *play),
                place,
                data / LOGS / "demo.log",
                on_orphaned=signal.SIGKILL,
                ending=((signal.SIGTERM, 10.0), (signal.SIGKILL, 2.0)),
            )
        )


def services() -> str:
    """The command of the reference services. Raises DemoMissing."""
    beside = Path(sys.executable).with_name("pathline-services")
    found = str(beside) if beside.exists() else shutil.which("pathline-services")
    if found is None:
        raise DemoMissing("--demo needs the reference services: pip install pathline-services")
    return found


async def where_to_look(url: str) -> str:
    """What to do with the demonstration, in a few lines."""
    asked = await asyncio.create_subprocess_exec(services(), "stuck", stdout=asyncio.subprocess.PIPE)
    said, _ = await asked.communicate()
    stuck = json.dumps(json.loads(said))
    search = f"curl -s -H 'content-type: application/json' -d '{stuck}' {url}/v1/pathways/search"
    return f"""
  console        {url}/console
  status         curl -s {url}/v1/status
  find a person  {search}
  pull           curl -s {url}/v1/pathways/$({search} | cut -d'"' -f4)
  her journey    the same with /trace at the end: OTLP JSON, which the console draws

Her hand-off is stuck: housing sent her to money-help weeks ago, and nobody answered. Look for her in the console, with
the organisation and the subject above; its front page lists other hand-offs that nobody answered, the latest first.
{LIVES} simulated lives are being told; Ctrl-C ends everything.
"""
