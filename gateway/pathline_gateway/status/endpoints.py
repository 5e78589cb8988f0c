"""`/v1/status`, `/healthz`, `/readyz`, `/metrics`: how much there is, how far behind, and whether to send traffic."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import orjson
from fastapi import APIRouter, Response

from pathline import instant
from pathline_gateway.background.health import Health
from pathline_gateway.dependency_health.monitor import DependencyMonitor, Outage
from pathline_gateway.dependency_health.time_limit import in_time
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.postgres.pool import UNAVAILABLE
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.summary import Failing, failing
from pathline_gateway.status import repository as status_repository
from pathline_gateway.status.schemas import Alive, Ready, Status
from pathline_gateway.telemetry.exporters import PROMETHEUS_CONTENT_TYPE, prometheus
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.problem import Problem

_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The text format of Prometheus",
        "content": {PROMETHEUS_CONTENT_TYPE.partition(";")[0]: {"schema": {"type": "string"}}},
    }
}
_SURVEY_S = 1.0
_ANSWER_S = 2
"""Longest that Postgres may take to say that it is there."""


@dataclass(frozen=True)
class Statuses:
    """Reads the totals and the lag."""

    pool: asyncpg.Pool
    progress: Progress
    survey: Callable[[], Awaitable[None]]
    """Learns what other processes have published and applied."""
    health: Health = field(default_factory=Health)
    """What fails in this process."""
    dependencies: DependencyMonitor = field(default_factory=lambda: DependencyMonitor(()))
    """Whether Postgres and the broker answer."""

    async def read(self) -> dict[str, Any]:
        """The body of `GET /v1/status`. Raises Problem at once where Postgres does not answer."""
        if (outage := self.dependencies.outage("Postgres")) is not None:
            raise away(outage)
        try:
            return await in_time(self._read())
        except TimeoutError:
            raise Problem(503, "database-unavailable", "Postgres does not answer: look at it") from None

    async def _read(self) -> dict[str, Any]:
        # What is known of the broker's ends may be old: it is asked for no longer than this.
        with contextlib.suppress(TimeoutError):
            await in_time(self._surveyed(), _SURVEY_S)
        intake = self.progress.lag()
        async with self.pool.acquire() as connection:
            totals = await status_repository.totals(connection)
            fails = await self.failing(connection)
        return {
            "interactions": totals["interactions"],
            "parked": totals["parked"],
            "pathways": totals["pathways"],
            "subjects": totals["subjects"],
            "links": totals["links"],
            "conflicts": totals["conflicts"],
            "quarantined": totals["quarantined"],
            "lag": max(sum(intake.values()), totals["unbound"], totals["unfolded"]),
            "partitions": [
                {
                    "topic": topic,
                    "partition": partition,
                    "end": self.progress.ends[topic, partition],
                    "applied": self.progress.applied.get((topic, partition), 0),
                    "lag": lag,
                }
                for (topic, partition), lag in intake.items()
            ],
            "failing": [{**each._asdict(), "since": instant.serve(each.since)} for each in fails],
        }

    async def _surveyed(self) -> None:
        await self.survey()

    async def failing_now(self) -> list[Failing]:
        """The same as `failing`, by a connection of its own."""
        async with self.pool.acquire() as connection:
            return await self.failing(connection)

    async def failing(self, connection: asyncpg.Connection) -> list[Failing]:
        """Works that fail in this process, and those that have set something aside."""
        return failing(self.health.failing(), await set_aside.counts(connection))


def away(outage: Outage) -> Problem:
    """Why nothing can be told, and since when."""
    reason = "database-unavailable" if outage.component == "Postgres" else "broker-unavailable"
    return Problem(503, reason, f"{outage.component} does not answer since {instant.serve(outage.since)}: look at it")


def routes(statuses: Statuses, not_ready: Callable[[], tuple[str, str] | None]) -> APIRouter:
    """`GET /v1/status`, `/healthz`, `/readyz`, `/metrics`."""
    router = APIRouter(tags=["operation"])

    @router.get("/v1/status", summary="Totals and lag", response_model=None, responses=answers(Status, "As of now"))
    async def status() -> dict[str, Any]:
        """`lag`: events acknowledged but not yet in every answer, the largest over intake, identity and hand-offs.

        `conflicts` and `quarantined`: evidence of who is who that waits for a reviewer, because it contradicts other
        evidence, or because it would join more than one person is.
        """
        return await statuses.read()

    @router.get("/healthz", summary="Is the process alive?", response_model=None, responses=answers(Alive, "It is"))
    async def healthz() -> dict[str, str]:
        """Answers while the event loop turns."""
        return {"status": "alive"}

    @router.get("/readyz", summary="May traffic be sent here?", response_model=None, responses=answers(Ready, "It may"))
    async def readyz() -> Response:
        """200 once intake has its partitions and Postgres answers.

        `failing`: works that fail, or have set something aside. This process serves all the same.
        """
        for outage in statuses.dependencies.outages():
            raise away(outage)
        if (why := not_ready()) is not None:
            raise Problem(503, *why)
        try:
            fails = await in_time(statuses.failing_now(), _ANSWER_S)
        except UNAVAILABLE:
            raise Problem(503, "database-unavailable", "Postgres does not answer: look at it") from None
        body = {"status": "ready", "failing": [each.work for each in fails]}
        return Response(orjson.dumps(body), media_type="application/json")

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=_METRICS)
    async def metrics() -> Response:
        """Every metric of this process."""
        return Response(prometheus(), media_type=PROMETHEUS_CONTENT_TYPE)

    return router
