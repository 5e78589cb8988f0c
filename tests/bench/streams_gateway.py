"""The gateway of a run of streams under load, as an agency runs it: beside a broker, a Postgres and an issuer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from bench.contestant import started
from bench.gateway_process import free_port, gateway_command, gateway_environment
from bench.machine import machine
from bench.published_issuer import published_issuer
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import Issuer

_PATIENCE_S: Final = 120


@dataclass(frozen=True)
class Running:
    """A gateway on a machine of its own."""

    pid: int
    port: int
    kafka: str
    issuer: Issuer | None
    """None while auth is off."""

    def headers(self, role: Role, org: str | None) -> dict[str, str]:
        """Who asks."""
        return (
            {} if self.issuer is None else {"authorization": f"Bearer {self.issuer.issue_token([role], org, 'bench')}"}
        )

    def http(self, role: Role = Role.OPERATOR, org: str | None = None) -> httpx.AsyncClient:
        """A client of this caller."""
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=self.headers(role, org), timeout=60)


_BROKERS: Final = ("tansu", "java")
USERS: Final = ("gateway", "postgres", "broker", "publisher", "receivers")


def facts(gateway: Running, receivers: int) -> dict[str, float]:
    """Memory of the gateway, in megabytes, and processor seconds of everybody."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines())
    ours = psutil.Process()
    family = ours.children(recursive=True)
    return {
        "rss": int(status["VmRSS"].split()[0]) // 1024,
        "peak": int(status["VmHWM"].split()[0]) // 1024,
        "gateway": _spent(psutil.Process(gateway.pid)),
        "postgres": sum(_spent(each) for each in family if "postgres" in _name(each)),
        "broker": sum(_spent(each) for each in family if any(part in _name(each) for part in _BROKERS)),
        "publisher": _spent(ours),
        "receivers": _spent(psutil.Process(receivers)),
    }


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@asynccontextmanager
async def gateway_running(folder: Path, auth: bool, broker: str) -> AsyncIterator[Running]:
    """It answers until the block ends."""
    port, log = free_port(), folder / "gateway.log"
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(machine(broker, folder / "machine"))
        database = await stack.enter_async_context(made.fresh_database("streams"))
        issuer = stack.enter_context(published_issuer(folder / "issuer")) if auth else None
        environment = {**gateway_environment(made.kafka, database, "bench-streams"), "PATHLINE_SINKS_PRIVATE": "true"}
        if issuer is not None:
            environment |= {"PATHLINE_ISSUER": issuer.url, "PATHLINE_AUDIENCE": issuer.claims.audience}
        command = gateway_command(port, auth=auth)
        process = await stack.enter_async_context(started(command, environment, log))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
        async with asyncio.timeout(_PATIENCE_S):
            while not await _ready(http):
                if process.poll() is not None:
                    raise RuntimeError(f"the gateway ended: {log.read_text()[-600:]}")
                await asyncio.sleep(0.05)
        yield Running(process.pid, port, made.kafka, issuer)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
