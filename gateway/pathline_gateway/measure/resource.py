"""`/v1/measures`: how well services join up, of cohorts and never of a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import APIRouter, Path, Query

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.access_log.request_row import reading
from pathline_gateway.answers import answers
from pathline_gateway.measure.described import Measured, Measures
from pathline_gateway.measure.handoffs import MEASURES, SMALLEST, Handoff, Measure, Value, cells, hidden
from pathline_gateway.problem import Problem
from pathline_gateway.store import handoff_measures as store
from pathline_gateway.trust.caller import Caller, Role
from pathline_gateway.trust.who import Calling

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
    async def listed(_: Calling) -> dict[str, Any]:
        """Each measure with its formula and its source."""
        return {"measures": [_described(each) for each in MEASURES.values()]}

    @router.get(
        "/v1/measures/{name}",
        summary="A measure as it stands",
        response_model=None,
        responses=answers(Measured, "With n, intervals, formula and source"),
    )
    async def one(
        caller: Calling,
        name: Annotated[str, Path(max_length=64, description="As `/v1/measures` names it")],
        within: Annotated[Days, _WITHIN] = "14",
        sender: Annotated[Code | None, _SENDER] = None,
        receiver: Annotated[Code | None, _RECEIVER] = None,
        by: Annotated[Literal["pair"] | None, _BY] = None,
    ) -> dict[str, Any]:
        """Cells under ten are shown to auditors alone; everybody else is answered the same all day."""
        measure = MEASURES.get(name)
        if measure is None:
            raise Problem(404, "no-such-measure", f"the measures are: {', '.join(MEASURES)}")
        asked = _Asked(measure, int(within), sender, receiver, by == "pair")
        async with reading(pool) as connection:
            if _sees_small_cells(caller):
                return await asked.answer(connection, clock(), everything=True)
            return await asked.of_today(connection, clock())

    return router


def _sees_small_cells(caller: Caller) -> bool:
    return caller.open or caller.may_be(Role.AUDITOR)


class _Asked:
    def __init__(self, measure: Measure, days: int, sender: str | None, receiver: str | None, by_pair: bool) -> None:
        self._measure, self._days, self._by_pair = measure, days, by_pair
        self._sender, self._receiver = sender, receiver

    async def of_today(self, connection: asyncpg.Connection, now: datetime) -> dict[str, Any]:
        """What everybody who asks this today is answered."""
        asked = repr((self._measure.name, self._days, self._sender, self._receiver, self._by_pair))
        kept = await store.snapshot(connection, now.date(), asked)
        if kept is None:
            kept = await self.answer(connection, now, everything=False)
            await store.keep(connection, now.date(), asked, kept)
        return kept

    async def answer(self, connection: asyncpg.Connection, now: datetime, *, everything: bool) -> dict[str, Any]:
        """The measure as it stands; with small cells where `everything` is shown."""
        found = await store.handoffs(connection, self._sender, self._receiver, now)
        others = await store.unobservable(connection, self._sender, self._receiver)
        within = timedelta(days=self._days)
        values = [_value(each, everything) for each in self._measure.of(found, now, within)]
        return {
            **_described(self._measure),
            "as_of": instant.serve(now),
            "within_days": self._days,
            **{name: values[0][name] for name in ("value", "interval", "n", "suppressed")},
            "values": values,
            "pairs": self._pairs(found, now, within, everything) if self._by_pair else None,
            "unobservable": others if everything or others >= SMALLEST or not others else None,
        }

    def _pairs(
        self, found: Sequence[Handoff], now: datetime, within: timedelta, everything: bool
    ) -> list[dict[str, Any]]:
        pairs = cells(self._measure, found, now, within)
        sizes = {pair: values[0].n for pair, values in pairs.items()}
        out = set() if everything else hidden(sizes)
        return [
            {
                "sender": sender,
                "receiver": receiver,
                "values": [_value(each, everything, out=(sender, receiver) in out) for each in values],
            }
            for (sender, receiver), values in pairs.items()
        ]


def _described(measure: Measure) -> dict[str, Any]:
    said = {name: getattr(measure, name) for name in ("number", "title", "unit", "formula", "source")}
    return {"measure": measure.name, **said}


def _value(value: Value, everything: bool, *, out: bool = False) -> Mapping[str, Any]:
    if out or (value.n < SMALLEST and not everything):
        return {"name": value.name, "value": None, "interval": [None, None], "n": None, "suppressed": True}
    estimate = value.estimate
    interval = [_rounded(estimate.low), _rounded(estimate.high)]
    figure = {"value": _rounded(estimate.value), "interval": interval, "n": value.n}
    return {"name": value.name, **figure, "suppressed": False}


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 6)
