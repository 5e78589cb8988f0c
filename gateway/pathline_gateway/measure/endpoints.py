"""`/v1/measures`: how well services join up, of cohorts and never of a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import APIRouter, Path, Query

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.measure import repository as measure_repository
from pathline_gateway.measure.handoff_indicators import MEASURES, SMALLEST, Handoff, Measure, Value, cells
from pathline_gateway.measure.release import refreshed, told, told_by_pair
from pathline_gateway.measure.schemas import Measured, Measures
from pathline_gateway.off_loop import off_loop
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown

Days = Literal["1", "2", "7", "14", "28", "90"]
"""A fixed grid: answers for windows that differ by a little would tell of single persons."""

_WITHIN: Final = Query(alias="within_days", description="D, in days")
_SENDER: Final = Query(alias="from", description="Hand-offs by this organisation alone")
_RECEIVER: Final = Query(alias="to", description="Hand-offs to this organisation alone")
_BY: Final = Query(description="Besides the whole, each pair of organisations")


def routes(pool: asyncpg.Pool, clock: Callable[[], datetime]) -> APIRouter:
    """`GET /v1/measures` and `GET /v1/measures/{name}`."""
    router = APIRouter(tags=["measures"])

    @router.get(
        "/v1/measures",
        summary="What is measured",
        response_model=None,
        responses=answers(Measures, "In the order of their numbers"),
    )
    async def listed(_: CurrentCaller) -> dict[str, Any]:
        """Each measure with its formula and its source."""
        return {"measures": [_described(each) for each in MEASURES.values()]}

    @router.get(
        "/v1/measures/{name}",
        dependencies=[AllKnown],
        summary="A measure as it stands",
        response_model=None,
        responses=answers(Measured, "With n, intervals, formula and source"),
    )
    async def one(
        caller: CurrentCaller,
        name: Annotated[str, Path(max_length=64, description="As `/v1/measures` names it")],
        within: Annotated[Days, _WITHIN] = "14",
        sender: Annotated[Code | None, _SENDER] = None,
        receiver: Annotated[Code | None, _RECEIVER] = None,
        by: Annotated[Literal["pair"] | None, _BY] = None,
    ) -> dict[str, Any]:
        """Cells under ten are shown to auditors alone; everybody else is answered of whole months, by one filter."""
        measure = MEASURES.get(name)
        if measure is None:
            raise Problem(404, "no-such-measure", f"the measures are: {', '.join(MEASURES)}")
        asked = _Asked(measure, int(within), sender, receiver, by == "pair")
        if _sees_small_cells(caller):
            async with reading(pool) as connection:
                return await asked.answer(connection, clock())
        if sender is not None and receiver is not None:
            raise Problem(422, "too-fine", "ask with `from` or with `to`: both at once are told to auditors alone")
        await _release(pool, clock())
        async with reading(pool) as connection:
            return await asked.released(connection, _month(clock()))

    return router


def _sees_small_cells(caller: Caller) -> bool:
    return caller.open or caller.may_be(Role.AUDITOR)


def _month(now: datetime) -> datetime:
    """When this month began, in UTC: what was offered since is told next month."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def _release(pool: asyncpg.Pool, now: datetime) -> None:
    """The cells of this month are released: by the first who asks in it, and once for everybody."""
    month = _month(now)
    async with pool.acquire() as connection:
        if await measure_repository.month(connection) == month.date():
            return
        # Not at one moment: whoever waits for the lock must see what was released before it.
        async with connection.transaction():
            await measure_repository.lock(connection)
            last = await measure_repository.month(connection)
            if last is not None and last >= month.date():
                return
            before = {each.unit.id: each for each in await measure_repository.released(connection)}
            units = await measure_repository.units(connection, month)
            cells = await off_loop(len(before) + len(units), lambda: refreshed(before, units, now))
            await measure_repository.release(connection, month.date(), cells.values())


class _Asked:
    def __init__(self, measure: Measure, days: int, sender: str | None, receiver: str | None, by_pair: bool) -> None:
        self._measure, self._days, self._by_pair = measure, days, by_pair
        self._sender, self._receiver = sender, receiver

    async def answer(self, connection: asyncpg.Connection, now: datetime) -> dict[str, Any]:
        """The measure as it stands, with small cells."""
        found = await measure_repository.handoffs(connection, self._sender, self._receiver, now)
        others = await measure_repository.unobservable(connection, self._sender, self._receiver)
        return self._told(found, found, now, others, everything=True)

    async def released(self, connection: asyncpg.Connection, month: datetime) -> dict[str, Any]:
        """The measure of released cells; how many went elsewhere is told to auditors alone."""
        cells = await measure_repository.released(connection, self._sender, self._receiver)
        pairs = told_by_pair(cells, self._sender, self._receiver)
        return self._told(told(cells, self._sender, self._receiver), pairs, month, None, everything=False)

    def _told(
        self,
        found: Sequence[Handoff],
        by_pair: Sequence[Handoff],
        now: datetime,
        others: int | None,
        *,
        everything: bool,
    ) -> dict[str, Any]:
        within = timedelta(days=self._days)
        values = [_value(each, everything) for each in self._measure.of(found, now, within)]
        pairs = [
            {"sender": pair[0], "receiver": pair[1], "values": [_value(each, everything) for each in told_of]}
            for pair, told_of in cells(self._measure, by_pair, now, within).items()
        ]
        return {
            **_described(self._measure),
            "as_of": instant.serve(now),
            "within_days": self._days,
            **{name: values[0][name] for name in ("value", "interval", "n", "suppressed")},
            "values": values,
            "pairs": pairs if self._by_pair else None,
            "unobservable": others,
        }


def _described(measure: Measure) -> dict[str, Any]:
    said = {name: getattr(measure, name) for name in ("number", "title", "unit", "formula", "source")}
    return {"measure": measure.name, **said}


def _value(value: Value, everything: bool) -> Mapping[str, Any]:
    if value.n < SMALLEST and not everything:
        return {"name": value.name, "value": None, "interval": [None, None], "n": None, "suppressed": True}
    estimate = value.estimate
    interval = [_rounded(estimate.low), _rounded(estimate.high)]
    figure = {"value": _rounded(estimate.value), "interval": interval, "n": value.n}
    return {"name": value.name, **figure, "suppressed": False}


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 6)
