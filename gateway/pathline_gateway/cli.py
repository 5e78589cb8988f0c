"""`pathline-gateway`: what an operator runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import uvicorn
import uvloop
from cyclopts import App, Parameter

from pathline_gateway import observe
from pathline_gateway.app import application, running
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.embedded import running as embedded_machine
from pathline_gateway.settings import Settings

app = App(
    name="pathline-gateway", help="Assembles pathways from published interactions, and answers when they are pulled."
)


@app.command
def up(
    *,
    embedded: Annotated[bool, Parameter(negative="")] = False,
    port: int = 8080,
    host: str = "127.0.0.1",
    data: Path = Path("data"),
    dev_auth: Literal["on", "off"] = "on",
    now: datetime | None = None,
) -> None:
    """Runs the gateway until SIGTERM or SIGINT.

    Parameters
    ----------
    embedded
        Start a broker and a Postgres from wheels, for one machine, with their data in --data.
    port
        Port to listen on.
    host
        Address to listen on.
    data
        Directory of the embedded Postgres.
    dev_auth
        off: every caller is operator, and unknown organisations are registered at their first event. One machine only.
    now
        Freeze the clock of a one-machine instance, for tests.
    """
    observe.configure()
    settings = Settings(port=port, host=host, dev_auth=dev_auth, now=now)
    try:
        uvloop.run(_up(settings, data if embedded else None))
    except EmbeddedError as failed:
        sys.exit(f"pathline-gateway: {failed}")
    finally:
        observe.shut_down()


async def _up(settings: Settings, data: Path | None) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if data is not None:
            machine = await stack.enter_async_context(embedded_machine(data))
            settings = settings.model_copy(
                update={
                    "kafka": machine.kafka,
                    "database": machine.database,
                    "cluster_id": machine.cluster_id,
                    "volatile_log": True,
                    "session_timeout_ms": 2_000,
                }
            )
            print("embedded: interactions are durable in Postgres; the broker's log is not, so 202 waits for Postgres")
        gateway = await stack.enter_async_context(running(settings))
        if settings.dev_auth == "off":
            print("auth is off: every caller is operator; for one machine only")
        await asyncio.wait_for(gateway.consumer.assigned.wait(), 60)
        await _serve(
            uvicorn.Config(application(gateway), settings.host, settings.port, log_level="warning", access_log=False)
        )


class _Server(uvicorn.Server):
    """uvicorn, saying where it listens once it does, and leaving signals to us: it would end the process at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured here."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, and says so."""
        await super().startup(sockets)
        if self.started:
            print(f"ready http://{self.config.host}:{self.config.port}", flush=True)


async def _serve(config: uvicorn.Config) -> None:
    """Serves until SIGTERM or SIGINT."""
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    await server.serve()


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    app()
