"""The operator's pages on the database of a gateway, asked as whoever a test says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape

import httpx

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.console import front_pages, handoff_pages, subscription_pages
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.status.endpoints import StatusService
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.sse.listeners import ListenerRegistry
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.web.context import AppContext
from support.gateways.application import application
from support.gateways.routes import SECRET, GatewayRoutes


@dataclass
class OperatorPages:
    """Its pages."""

    gateway: GatewayRoutes
    http: httpx.AsyncClient

    async def text(self, path: str, by: Caller = AUTH_DISABLED_CALLER) -> str:
        """The text of a page, as people read it."""
        return page_text(await self.html(path, by))

    async def html(self, path: str, by: Caller = AUTH_DISABLED_CALLER) -> str:
        """The page."""
        await folded(self.gateway)
        self.gateway.caller = by
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, path: str, by: Caller = AUTH_DISABLED_CALLER, **fields: str) -> httpx.Response:
        """The answer to a form."""
        self.gateway.caller = by
        return await self.http.post(path, data=fields)


def page_text(html: str) -> str:
    """What people read of a page: without tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def folded(gateway: GatewayRoutes) -> None:
    """Hand-offs stand as everything that was stored says."""
    while await project_next_batch(gateway.pool):
        pass


@contextlib.asynccontextmanager
async def operator_pages(gateway: GatewayRoutes, rates: Throughput | None = None) -> AsyncIterator[OperatorPages]:
    """The pages, as long as the block lasts."""
    progress = Progress()

    async def surveyed() -> None:
        progress.observe_end(("pathline.in.door-1", 0), 0)

    services = (
        StatusService(gateway.pool, progress, surveyed),
        rates or Throughput(),
        SseStreams(gateway.pool, SECRET, lambda: gateway.now, ListenerRegistry(gateway.pool)),
        SubscriptionAdmission.within(Limits()),
    )
    context = AppContext(gateway.pool, gateway.pool, SECRET, lambda: gateway.now, services=services)
    modules = (front_pages, handoff_pages, subscription_pages)
    with application(*modules, context=context, caller=lambda: gateway.caller) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
            yield OperatorPages(gateway, http)
