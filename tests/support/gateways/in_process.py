"""A whole gateway in the process of the test, on a broker and a Postgres, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import asyncpg
import httpx

from pathline_gateway.auth.middleware import Authenticator
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.runtime.gateway import Gateway, run_gateway
from pathline_gateway.runtime.http_app import build_app
from pathline_gateway.settings import Settings
from support.intake.history import ref, subject

__all__ = ["Client", "gateway", "link", "ref", "step", "subject"]

BATCH = {"content-type": "application/cloudevents-batch+json"}


@dataclass
class Client:
    """Speaks to one gateway."""

    http: httpx.AsyncClient
    up: Gateway

    async def post(self, path: str, status: int, body: Any, **named: Any) -> Any:
        answer = await self.http.post(path, json=body, **named)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def publish(self, *events: dict[str, Any]) -> dict[str, Any]:
        """These are published and bound; the status then."""
        answer = await self.post("/v1/events", 202, list(events), headers=BATCH)
        assert answer["refused"] == []
        return await self.settled()

    async def settled(self) -> dict[str, Any]:
        """The status once nothing waits to be read or bound. A gateway on a busy machine may say "later" with a 503."""
        end = time.monotonic() + 30
        while True:
            answer = await self.http.get("/v1/status")
            assert answer.status_code in (200, 503), answer.text
            status = answer.json()
            if answer.status_code == 200 and not status["lag"] and status["partitions"]:
                return dict(status)
            assert time.monotonic() < end, status
            await asyncio.sleep(0.02)

    async def pathway(self, org: str, n: int) -> str:
        """The pathway of this subject."""
        return str((await self.post("/v1/pathways/search", 200, {"org": org, "subject": subject(n)}))["pathway"])

    async def waiting(self, **params: Any) -> list[dict[str, Any]]:
        return list((await self.get("/v1/identity/review", **params))["items"])


@asynccontextmanager
async def gateway(
    kafka: str, database: str, auth: Literal["on", "off"] = "off", now: datetime | None = None
) -> AsyncIterator[Client]:
    """It runs as long as the block; `now` is its present, where that is not the machine's."""
    settings = Settings(kafka=kafka, database=database, dev_auth=auth, session_timeout_ms=2_000, now=now)
    async with run_gateway(settings) as up:
        transport = httpx.ASGITransport(app=build_app(up, authenticator=Authenticator(None)))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as http:
            client = Client(http, up)
            await until(lambda: up.intake.readiness_problem() is None)
            yield client


async def registered(database: str) -> str:
    """Some organisations are on its register."""
    connection = await asyncpg.connect(database)
    await organisation_repository.add_organisations(connection, ("east", "west", "north", "registry"))
    await connection.close()
    return database


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.02)


def event(org: str, type: str, of: dict[str, str], id: str = "", **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id or f"event-{uuid4()}",
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": of["subject"],
        "time": "2026-03-01T09:00:00Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def step(org: str, n: int) -> dict[str, Any]:
    """A step of somebody."""
    return event(org, "activity.recorded", ref(org, n), activity="Opened")


def link(a: dict[str, str], b: dict[str, str], org: str = "registry", id: str = "", **data: Any) -> dict[str, Any]:
    """A link."""
    return event(org, "identity.linked", a, id, **{"same": [a, b], "method": "record-key", **data})
