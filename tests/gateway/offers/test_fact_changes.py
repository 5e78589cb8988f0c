"""When facts may next be others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from gateway.offers.cases import NOW, SYDNEY, ZONE, changed, states, step
from gateway.offers.generators import instants, pathways, zones
from pathline_gateway.offers.durations import date_in_zone, first_instant
from pathline_gateway.offers.fact_changes import next_fact_change
from support.examples import examples
from support.oracles.engine_adapter import facts_of, parsed_steps


def decision(**data: Any) -> dict[str, Any]:
    return step("decision.made", {"decision": "d1", "result": "granted", "output": "aid"} | data)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([states({"a": 1}, "2026-03-10")], None),
        ([states({"a": 1}, "2026-03-11")], "2026-03-11T00:00:00+00:00"),
        ([changed("move", "2026-04-01"), changed("birth", "2026-03-20")], "2026-03-20T00:00:00+00:00"),
        ([decision(valid_until="2026-03-10")], "2026-03-11T00:00:00+00:00"),
        ([decision(valid_until="2026-03-09")], None),
        ([decision(effective="2026-03-12", valid_until="2026-03-30")], "2026-03-12T00:00:00+00:00"),
        ([decision(valid_until="9999-12-31")], None),
        ([states({"a": 1}, "2026-01-01", at="2026-03-10T13:00:00Z")], "2026-03-10T13:00:00+00:00"),
    ],
    ids=str,
)
def test_the_next_date_that_comes_or_passes_is_the_boundary(steps: list[Any], expected: str | None) -> None:
    found = next_fact_change(parsed_steps(steps), NOW, ZONE)
    assert (found and found.isoformat()) == expected


def test_a_day_begins_by_the_calendar_of_the_gateway() -> None:
    found = next_fact_change(parsed_steps([states({"a": 1}, "2026-03-12")]), NOW, SYDNEY)
    assert found == datetime(2026, 3, 11, 13, tzinfo=UTC)


def test_a_day_that_has_no_midnight_begins_when_its_clocks_do() -> None:
    havana = ZoneInfo("America/Havana")
    begins = first_instant(datetime(2026, 3, 8).date(), havana)  # clocks go from midnight to one o'clock
    assert begins == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert date_in_zone(begins, havana).isoformat() == "2026-03-08"


@examples(300)
@given(pathways(), instants, zones, instants)
def test_until_the_boundary_no_fact_changes(steps: list[Any], now: datetime, zone: ZoneInfo, then: datetime) -> None:
    boundary = next_fact_change(parsed_steps(steps), now, zone)
    if now < then and (boundary is None or then < boundary):
        assert facts_of(steps, then, zone) == facts_of(steps, now, zone)
