"""`/v1/measures`: how well services join up, of cohorts and never of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import APIRouter, Path, Query

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import MeasureReader
from pathline_gateway.measure import repository as measure_repository
from pathline_gateway.measure.handoff_indicators import MEASURES, MIN_CELL_SIZE, Handoff, Measure, Value, values_by_pair
from pathline_gateway.measure.release import refresh_cells, select_handoffs, select_pair_handoffs
from pathline_gateway.measure.schemas import Measures, ServedMeasure
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.web.context import Clock, SlowPool
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown

Days = Literal["1", "2", "7", "14", "28", "90"]
"""A fixed grid: answers for windows that differ by a little would tell of single persons."""

_WITHIN_QUERY: Final = Query(alias="within_days", description="D, in days")
_SENDER_QUERY: Final = Query(alias="from", description="Hand-offs by this organisation alone")
_RECEIVER_QUERY: Final = Query(alias="to", description="Hand-offs to this organisation alone")
_BY_QUERY: Final = Query(description="Besides the whole, each pair of organisations")


router = APIRouter(tags=["measures"])


@router.get(
    "/v1/measures",
    summary="What is measured",
    response_model=None,
    responses=response_docs(Measures, "In the order of their numbers"),
)
async def list_measures(_: MeasureReader) -> dict[str, Any]:
    """Each measure with its formula and its source."""
    return {"measures": [_describe(each) for each in MEASURES.values()]}


@router.get(
    "/v1/measures/{name}",
    dependencies=[AllKnown],
    summary="A measure as it stands",
    response_model=None,
    responses=response_docs(ServedMeasure, "With n, intervals, formula and source"),
)
async def get_measure(
    pool: SlowPool,
    clock: Clock,
    caller: MeasureReader,
    name: Annotated[str, Path(max_length=64, description="As `/v1/measures` names it")],
    within: Annotated[Days, _WITHIN_QUERY] = "14",
    sender: Annotated[Code | None, _SENDER_QUERY] = None,
    receiver: Annotated[Code | None, _RECEIVER_QUERY] = None,
    by: Annotated[Literal["pair"] | None, _BY_QUERY] = None,
) -> dict[str, Any]:
    """Cells under ten are shown to auditors alone; everybody else is answered of whole months, by one filter."""
    measure = MEASURES.get(name)
    if measure is None:
        raise Problem(404, "no-such-measure", f"the measures are: {', '.join(MEASURES)}")
    measure_query = _MeasureQuery(measure, int(within), sender, receiver, by == "pair")
    if _sees_small_cells(caller):
        async with read_transaction(pool) as connection:
            return await measure_query.compute_current(connection, clock())
    if sender is not None and receiver is not None:
        raise Problem(422, "too-fine", "ask with `from` or with `to`: both at once are told to auditors alone")
    await _release_cells(pool, clock())
    async with read_transaction(pool) as connection:
        return await measure_query.compute_released(connection, _start_of_month(clock()))


def _sees_small_cells(caller: Caller) -> bool:
    return caller.auth_disabled or caller.has_any_role(Role.AUDITOR)


def _start_of_month(now: datetime) -> datetime:
    """When this month began, in UTC: what was offered since is told next month."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def _release_cells(pool: asyncpg.Pool, now: datetime) -> None:
    """The cells of this month are released: by the first who asks in it, and once for everybody."""
    month = _start_of_month(now)
    async with pool.acquire() as connection:
        if await measure_repository.released_month(connection) == month.date():
            return
        # Not at one moment: whoever waits for the lock must see what was released before it.
        async with connection.transaction():
            await measure_repository.lock_release(connection)
            last_month = await measure_repository.released_month(connection)
            if last_month is not None and last_month >= month.date():
                return
            previous_cells = {each.unit.id: each for each in await measure_repository.find_released(connection)}
            units = await measure_repository.find_units(connection, month)
            new_cells = await run_off_loop(
                len(previous_cells) + len(units), lambda: refresh_cells(previous_cells, units, now)
            )
            await measure_repository.replace_released(connection, month.date(), new_cells.values())


class _MeasureQuery:
    def __init__(self, measure: Measure, days: int, sender: str | None, receiver: str | None, by_pair: bool) -> None:
        self._measure, self._days, self._by_pair = measure, days, by_pair
        self._sender, self._receiver = sender, receiver

    async def compute_current(self, connection: asyncpg.Connection, now: datetime) -> dict[str, Any]:
        """The measure as it stands, with small cells."""
        handoffs = await measure_repository.find_handoffs(connection, self._sender, self._receiver, now)
        unobservable_count = await measure_repository.count_unobservable(connection, self._sender, self._receiver)
        return await run_off_loop(
            len(handoffs),
            lambda: self._build_answer(handoffs, handoffs, now, unobservable_count, include_small=True),
        )

    async def compute_released(self, connection: asyncpg.Connection, month: datetime) -> dict[str, Any]:
        """The measure of released cells; how many went elsewhere is told to auditors alone."""
        released_units = await measure_repository.find_released(connection, self._sender, self._receiver)

        def build() -> dict[str, Any]:
            pairs = select_pair_handoffs(released_units, self._sender, self._receiver)
            handoffs = select_handoffs(released_units, self._sender, self._receiver)
            return self._build_answer(handoffs, pairs, month, None, include_small=False)

        return await run_off_loop(len(released_units), build)

    def _build_answer(
        self,
        handoffs: Sequence[Handoff],
        by_pair: Sequence[Handoff],
        now: datetime,
        unobservable_count: int | None,
        *,
        include_small: bool,
    ) -> dict[str, Any]:
        within = timedelta(days=self._days)
        values = [_serve_value(each, include_small) for each in self._measure.compute(handoffs, now, within)]
        pairs = [
            {
                "sender": pair[0],
                "receiver": pair[1],
                "values": [_serve_value(each, include_small) for each in pair_figures],
            }
            for pair, pair_figures in values_by_pair(self._measure, by_pair, now, within).items()
        ]
        return {
            **_describe(self._measure),
            "as_of": instant.to_text(now),
            "within_days": self._days,
            **{name: values[0][name] for name in ("value", "interval", "n", "suppressed")},
            "values": values,
            "pairs": pairs if self._by_pair else None,
            "unobservable": unobservable_count,
        }


def _describe(measure: Measure) -> dict[str, Any]:
    description = {name: getattr(measure, name) for name in ("number", "title", "unit", "formula", "source")}
    return {"measure": measure.name, **description}


def _serve_value(value: Value, include_small: bool) -> Mapping[str, Any]:
    if value.n < MIN_CELL_SIZE and not include_small:
        return {"name": value.name, "value": None, "interval": [None, None], "n": None, "suppressed": True}
    estimate = value.estimate
    interval = [_round_figure(estimate.low), _round_figure(estimate.high)]
    figure = {"value": _round_figure(estimate.value), "interval": interval, "n": value.n}
    return {"name": value.name, **figure, "suppressed": False}


def _round_figure(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 6)
