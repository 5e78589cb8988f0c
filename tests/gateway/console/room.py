"""The operator's pages on the database of a rig, asked as whoever a test says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.auth.dependencies import current_caller
from pathline_gateway.console import front_page, handoff_pages, subscription_pages
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.status.endpoints import StatusService
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.sse.listeners import ListenerRegistry
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.web import problem
from pathline_gateway.web.context import AppContext
from support.gateways.routes import SECRET, Rig


@dataclass
class Room:
    """Its pages."""

    rig: Rig
    http: httpx.AsyncClient

    async def says(self, path: str, by: Caller = AUTH_DISABLED_CALLER) -> str:
        """The text of a page, as people read it."""
        return text(await self.html(path, by))

    async def html(self, path: str, by: Caller = AUTH_DISABLED_CALLER) -> str:
        """The page."""
        await folded(self.rig)
        self.rig.who[0] = by
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, path: str, by: Caller = AUTH_DISABLED_CALLER, **fields: str) -> httpx.Response:
        """The answer to a form."""
        self.rig.who[0] = by
        return await self.http.post(path, data=fields)


def text(html: str) -> str:
    """What people read of a page: without tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def folded(rig: Rig) -> None:
    """Hand-offs stand as everything that was stored says."""
    while await project_next_batch(rig.pool):
        pass


@contextlib.asynccontextmanager
async def room_of(rig: Rig, rates: Throughput | None = None) -> AsyncIterator[Room]:
    """The pages, as long as the block lasts."""
    app, progress = FastAPI(), Progress()
    app.add_exception_handler(problem.Problem, problem.on_problem)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.dependency_overrides[current_caller] = lambda: rig.who[0]

    async def surveyed() -> None:
        progress.observe_end(("pathline.in.door-1", 0), 0)

    services = (
        StatusService(rig.pool, progress, surveyed),
        rates or Throughput(),
        SseStreams(rig.pool, SECRET, lambda: rig.now, ListenerRegistry(rig.pool)),
        SubscriptionAdmission.within(Limits()),
    )
    AppContext(rig.pool, rig.pool, SECRET, lambda: rig.now, services=services).attach(app)
    for module in (front_page, handoff_pages, subscription_pages):
        app.include_router(module.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        yield Room(rig, http)
