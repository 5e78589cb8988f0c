"""`/v1/status`, `/healthz`, `/readyz`, `/metrics`: how much there is, how far behind, and whether to send traffic."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Response

from pathline import instant
from pathline_gateway.auth.dependencies import Operator, Overseer
from pathline_gateway.background.health import Health
from pathline_gateway.dependency_health.monitor import ComponentOutage, DependencyMonitor
from pathline_gateway.dependency_health.time_limit import with_time_limit
from pathline_gateway.election import repository as election_repository
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.summary import FailureSummary, summarize_failures
from pathline_gateway.status import repository as status_repository
from pathline_gateway.status.schemas import Liveness, Readiness, Status
from pathline_gateway.telemetry.exporters import PROMETHEUS_CONTENT_TYPE
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange
from pathline_gateway.web.context import service
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem

_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The text format of Prometheus",
        "content": {PROMETHEUS_CONTENT_TYPE.partition(";")[0]: {"schema": {"type": "string"}}},
    }
}
_SURVEY_TIMEOUT_S = 1.0
_READY_TIMEOUT_S = 2
"""Longest that Postgres may take to say that it is there."""


@dataclass(frozen=True)
class StatusService:
    """Reads the totals and the lag."""

    pool: asyncpg.Pool
    progress: Progress
    survey: Callable[[], Awaitable[None]]
    """Learns what other processes have published and applied."""
    health: Health = field(default_factory=Health)
    """What fails in this process."""
    dependencies: DependencyMonitor = field(default_factory=lambda: DependencyMonitor(()))
    """Whether Postgres and the broker answer."""
    metrics: MetricsExchange = field(default_factory=MetricsExchange)
    """What this process and those beside it measure."""
    readiness_problem: Callable[[], tuple[str, str] | None] = lambda: None
    """Why intake takes nothing in, where that is so."""

    async def read(self) -> dict[str, Any]:
        """The body of `GET /v1/status`. Raises Problem at once where Postgres does not answer."""
        if (outage := self.dependencies.outage("Postgres")) is not None:
            raise outage_problem(outage)
        try:
            return await with_time_limit(self._read())
        except TimeoutError:
            raise Problem(503, "database-unavailable", "Postgres does not answer: look at it") from None

    async def _read(self) -> dict[str, Any]:
        # What is known of the broker's ends may be old: it is asked for no longer than this.
        with contextlib.suppress(TimeoutError):
            await with_time_limit(self._run_survey(), _SURVEY_TIMEOUT_S)
        intake = self.progress.lag()
        async with self.pool.acquire() as connection:
            totals = await status_repository.load_totals(connection)
            failures = await self.failing(connection)
            leases = await election_repository.list_leases(connection)
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
                    "end": self.progress.end_offsets[topic, partition],
                    "applied": self.progress.applied_offsets.get((topic, partition), 0),
                    "lag": lag,
                }
                for (topic, partition), lag in intake.items()
            ],
            "failing": [{**each._asdict(), "since": instant.to_text(each.since)} for each in failures],
            "elected": [{**each._asdict(), "since": instant.to_text(each.since)} for each in leases],
        }

    async def _run_survey(self) -> None:
        await self.survey()

    async def failing_now(self) -> list[FailureSummary]:
        """The same as `failing`, by a connection of its own."""
        async with self.pool.acquire() as connection:
            return await self.failing(connection)

    async def failing(self, connection: asyncpg.Connection) -> list[FailureSummary]:
        """Works that fail in this process, and those that have set something aside."""
        return summarize_failures(self.health.current_failures(), await set_aside.counts(connection))


def outage_problem(outage: ComponentOutage) -> Problem:
    """Why nothing can be told, and since when."""
    reason = "database-unavailable" if outage.component == "Postgres" else "broker-unavailable"
    return Problem(503, reason, f"{outage.component} does not answer since {instant.to_text(outage.since)}: look at it")


GatewayStatuses = Annotated[StatusService, Depends(service(StatusService))]

router = APIRouter(tags=["operation"])


@router.get("/v1/status", summary="Totals and lag", response_model=None, responses=response_docs(Status, "As of now"))
async def get_status(statuses: GatewayStatuses, _: Overseer) -> dict[str, Any]:
    """`lag`: events acknowledged but not yet in every answer, the largest over intake, identity and hand-offs.

    `conflicts` and `quarantined`: evidence of who is who that waits for a reviewer. It contradicts other evidence, or
    would join more refs than one person has.
    """
    return await statuses.read()


@router.get(
    "/healthz", summary="Is the process alive?", response_model=None, responses=response_docs(Liveness, "It is")
)
async def check_health() -> dict[str, str]:
    """Answers while the event loop turns."""
    return {"status": "alive"}


@router.get(
    "/readyz", summary="May traffic be sent here?", response_model=None, responses=response_docs(Readiness, "It may")
)
async def check_readiness(statuses: GatewayStatuses) -> Response:
    """200 once intake has its partitions and Postgres answers.

    `failing`: works that fail, or have set something aside. This process serves all the same.
    """
    for outage in statuses.dependencies.outages():
        raise outage_problem(outage)
    if (reason := statuses.readiness_problem()) is not None:
        raise Problem(503, *reason)
    try:
        failures = await with_time_limit(statuses.failing_now(), _READY_TIMEOUT_S)
    except UNAVAILABLE_ERRORS:
        raise Problem(503, "database-unavailable", "Postgres does not answer: look at it") from None
    body = {"status": "ready", "failing": [each.work for each in failures]}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=_METRICS)
async def get_metrics(statuses: GatewayStatuses, _: Operator) -> Response:
    """Every metric. Of several processes of one `up`, the label `process` says which one counted."""
    return Response(await statuses.metrics.render(), media_type=PROMETHEUS_CONTENT_TYPE)
