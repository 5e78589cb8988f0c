"""The gateway of a run of streams under load, on a broker and a Postgres of its own; and what everybody costs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from bench.contestant import started
from bench.gateway_process import free_port
from pathline_gateway import embedded
from pathline_gateway.trust.caller import Role
from pathline_gateway.trust.issuer import existing

_PATIENCE_S: Final = 120


@dataclass(frozen=True)
class Running:
    """A gateway on a machine of its own."""

    pid: int
    port: int
    machine: embedded.Machine
    data: Path
    auth: bool

    def headers(self, role: Role, org: str | None) -> dict[str, str]:
        """Who asks."""
        return {"authorization": f"Bearer {existing(self.data).token([role], org, 'bench')}"} if self.auth else {}

    def http(self, role: Role = Role.OPERATOR, org: str | None = None) -> httpx.AsyncClient:
        """A client of this caller."""
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=self.headers(role, org), timeout=60)


USERS: Final = ("gateway", "postgres", "broker", "publisher", "receivers")


def facts(gateway: Running, receivers: int) -> dict[str, float]:
    """Memory of the gateway, in megabytes, and processor seconds of everybody."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines())
    family = psutil.Process(gateway.pid).children(recursive=True)
    return {
        "rss": int(status["VmRSS"].split()[0]) // 1024,
        "peak": int(status["VmHWM"].split()[0]) // 1024,
        "gateway": _spent(psutil.Process(gateway.pid)),
        "postgres": sum(_spent(each) for each in family if "postgres" in _name(each)),
        "broker": sum(_spent(each) for each in family if "tansu" in _name(each)),
        "publisher": _spent(psutil.Process()),
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
async def gateway_running(folder: Path, auth: bool) -> AsyncIterator[Running]:
    """It answers until the block ends."""
    port, data, log = free_port(), folder / "data", folder / "gateway.log"
    command = [str(Path(sys.executable).with_name("pathline-gateway")), "up", "--embedded", "--data", str(data)]
    command += ["--port", str(port), *(() if auth else ("--dev-auth", "off"))]
    async with started(command, {"PATHLINE_SINKS_PRIVATE": "true"}, log) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http, asyncio.timeout(_PATIENCE_S):
            while not await _ready(http):
                if process.poll() is not None:
                    raise RuntimeError(f"the gateway ended: {log.read_text()[-600:]}")
                await asyncio.sleep(0.05)
        machine = embedded.found(data)
        assert machine is not None
        yield Running(process.pid, port, machine, data, auth)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
