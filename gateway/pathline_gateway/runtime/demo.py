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

SIMULATED_PEOPLE: Final = 300
"""Simulated people."""

VISITS_PER_SECOND: Final = 40
"""Visits a second: the demonstration has told all lives after some minutes, and shows something in the first one."""


class DemoMissing(Exception):
    """The reference services are not installed."""


@asynccontextmanager
async def run_demo(data: Path, kafka: str) -> AsyncIterator[Child]:
    """The reference services and the simulator run; both end with the block. Raises DemoMissing."""
    workplace = data / "demo"
    workplace.mkdir(exist_ok=True)
    play_arguments = ("play", "--kafka", kafka, "--lives", str(SIMULATED_PEOPLE), "--rate", str(VISITS_PER_SECOND))
    async with children() as child_group:
        yield child_group.start(
            Command(
                "the reference services",
                (find_services_command(), *play_arguments),
                workplace,
                data / LOGS / "demo.log",
                on_orphaned=signal.SIGKILL,
                stop_signals=((signal.SIGTERM, 10.0), (signal.SIGKILL, 2.0)),
            )
        )


def find_services_command() -> str:
    """The command of the reference services. Raises DemoMissing."""
    sibling_path = Path(sys.executable).with_name("pathline-services")
    command = str(sibling_path) if sibling_path.exists() else shutil.which("pathline-services")
    if command is None:
        raise DemoMissing("--demo needs the reference services: pip install pathline-services")
    return command


async def render_hints(url: str) -> str:
    """What to do with the demonstration, in a few lines."""
    process = await asyncio.create_subprocess_exec(find_services_command(), "stuck", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    stuck_person = json.dumps(json.loads(output))
    search = f"curl -s -H 'content-type: application/json' -d '{stuck_person}' {url}/v1/pathways/search"
    return f"""
  console        {url}/console
  status         curl -s {url}/v1/status
  find a person  {search}
  pull           curl -s {url}/v1/pathways/$({search} | cut -d'"' -f4)
  her journey    the same with /trace at the end: OTLP JSON, which the console draws

Her hand-off is stuck: housing sent her to money-help weeks ago, and nobody answered. Look for her in the console, with
the organisation and the subject above; its front page lists other hand-offs that nobody answered, the latest first.
{SIMULATED_PEOPLE} simulated lives are being told; Ctrl-C ends everything.
"""
