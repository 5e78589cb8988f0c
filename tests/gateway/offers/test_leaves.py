"""When a leaf is true, false or unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.offers.cases import (
    NOW,
    SYDNEY,
    Rule,
    StepJson,
    age,
    changed,
    compare,
    complete,
    count,
    eq,
    every,
    exists,
    no,
    occurred,
    some,
    states,
    step,
    truth,
)

A1 = states({"a": 1})
CONFLICT = (states({"a": 1}), states({"a": 2}, org="odd"))
YES, NO = eq("a", 1), eq("a", 2)
UNKNOWN = eq("b", 1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (every(YES, UNKNOWN), None),
        (every(NO, UNKNOWN), False),
        (some(YES, UNKNOWN), True),
        (some(NO, UNKNOWN), None),
        (no(UNKNOWN), None),
        (no(YES), False),
        (every(no(NO), YES), True),
    ],
    ids=str,
)
def test_unknown_is_neither_true_nor_false(rule: Rule, expected: bool | None) -> None:
    assert truth(rule, A1) is expected


@pytest.mark.parametrize(
    ("value", "cmp", "reference", "expected"),
    [
        (2, "gt", 1, True),
        (2, "le", 1, False),
        ("B", "lt", "a", True),
        ("\U00010000", "gt", "\uffff", True),
        (True, "eq", True, True),
        (True, "ne", False, True),
        (True, "gt", False, None),
        (True, "eq", 1, None),
        (1, "ne", "1", None),
        (1, "in", [2, 1, "x"], True),
        (1, "in", [2, 3], False),
        (1, "in", [2, "1"], None),
        (1, "in", [True], None),
        (1, "in", [], False),
    ],
)
def test_a_known_value_compares_with_its_own_type(value: Any, cmp: str, reference: Any, expected: bool | None) -> None:
    assert truth(compare("a", cmp, reference), states({"a": value})) is expected


@pytest.mark.parametrize("rule", [eq("a"), compare("a", "ne", 9), compare("a", "in", []), age("a", "ge", 0)], ids=str)
def test_an_absent_or_disputed_fact_compares_with_nothing(rule: Rule) -> None:
    assert truth(rule) is None
    assert truth(rule, *CONFLICT) is None


def test_a_fact_exists_known_or_disputed_and_is_never_said_not_to() -> None:
    assert truth(exists("a"), A1) is True
    assert truth(exists("a"), *CONFLICT) is True
    assert truth(exists("a")) is None


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        ("2008-03-10", "2026-03-10", 18),
        ("2008-03-11", "2026-03-10", 17),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-29", 20),
        ("2026-03-10", "2026-03-10", 0),
    ],
)
def test_age_is_in_whole_years_and_29_february_is_1_march(born: str, today: str, years: int) -> None:
    now = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    assert truth(age("born", "eq", years), states({"born": born}, "2025-01-01", at="2025-01-01"), now=now) is True


@pytest.mark.parametrize("born", [2008, "2008", "2008-3-10", "2008-02-30", "2026-03-11", "2008-03-10T00:00:00Z", True])
def test_there_is_no_age_of_what_is_no_day_that_was(born: Any) -> None:
    assert truth(age("born", "ge", 0), states({"born": born})) is None
    assert truth(no(age("born", "ge", 0)), states({"born": born})) is None


def delivered(at: str, **data: Any) -> StepJson:
    return step("service.delivered", data, at=at)


@pytest.mark.parametrize(
    ("within", "at", "expected"),
    [
        ("P1D", "2026-03-09T12:00:00Z", None),
        ("P1D", "2026-03-09T12:00:00.000001Z", True),
        ("P1D", "2026-03-10T12:00:00Z", True),
        ("P1D", "2026-03-10T12:00:00.000001Z", None),
        ("P1M", "2026-02-10T12:00:01Z", True),
        ("P1M", "2026-02-10T12:00:00Z", None),
        ("P2W", "2026-02-24T12:00:01Z", True),
        ("PT0.0000001S", "2026-03-10T12:00:00Z", True),
        ("PT0S", "2026-03-10T12:00:00Z", None),
        ("P999999999Y", "0001-01-01T00:00:00Z", True),
        (None, "0001-01-01T00:00:00Z", True),
    ],
)
def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(
    within: str | None, at: str, expected: bool | None
) -> None:
    assert truth(occurred("service.delivered", within=within), delivered(at)) is expected


@pytest.mark.parametrize(
    ("now", "within", "start"),
    [
        ("2026-03-31T12:00:00Z", "P1M", "2026-02-28T12:00:00Z"),
        ("2024-02-29T12:00:00Z", "P1Y", "2023-02-28T12:00:00Z"),
        ("2024-03-30T12:00:00Z", "P1Y1M", "2023-02-28T12:00:00Z"),
        ("2026-03-30T12:00:00Z", "P1M1D", "2026-02-27T12:00:00Z"),
        ("2026-03-31T12:00:00Z", "P1MT13H", "2026-02-27T23:00:00Z"),
    ],
)
def test_months_are_counted_together_and_clamped_then_days_then_clock_time(now: str, within: str, start: str) -> None:
    rule, moment = occurred("service.delivered", within=within), datetime.fromisoformat(now)
    assert truth(rule, delivered(start), now=moment) is None
    assert truth(rule, delivered(start.replace("Z", ".000001Z")), now=moment) is True


def test_a_day_is_the_calendar_s_of_the_zone_and_an_hour_is_nobody_s() -> None:
    now = datetime(2026, 4, 5, 2, tzinfo=UTC)  # noon in Sydney, whose clocks went back in the night
    assert truth(occurred("service.delivered", within="P1D"), delivered("2026-04-04T01:30:00Z"), now=now, zone=SYDNEY)
    missed = truth(
        occurred("service.delivered", within="PT24H"), delivered("2026-04-04T01:30:00Z"), now=now, zone=SYDNEY
    )
    assert missed is None


@pytest.mark.parametrize(
    ("where", "data", "expected"),
    [
        ({"quantity": 1}, {"quantity": 1}, True),
        ({"quantity": 1}, {"quantity": 2}, None),
        ({"quantity": True}, {"quantity": 1}, None),
        ({"quantity": 1, "unit": "box"}, {"quantity": 1}, None),
        ({"unit": "box"}, {"unit": None}, None),
        ({"needs": "food"}, {"needs": ["housing", "food"]}, True),
        ({"needs": "food"}, {"needs": ["housing"]}, None),
    ],
)
def test_fields_are_equal_as_published_and_a_list_holds_it(
    where: dict[str, Any], data: dict[str, Any], expected: bool | None
) -> None:
    assert truth(occurred("service.delivered", where), delivered("2026-03-01", **data)) is expected


def test_an_instant_is_the_same_in_any_offset_and_other_texts_are_not() -> None:
    asked = occurred("appointment.booked", {"start": "2026-03-01T09:00:00+11:00"})
    assert truth(asked, step("appointment.booked", {"appointment": "a", "start": "2026-02-28T22:00:00.0Z"})) is True
    named = occurred("appointment.booked", {"appointment": "2026-03-01T09:00:00+11:00"})
    assert truth(named, step("appointment.booked", {"appointment": "2026-02-28T22:00:00Z"})) is None


def test_what_was_done_for_somebody_else_is_no_occurrence() -> None:
    child = {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}
    assert truth(occurred("service.delivered"), delivered("2026-03-01", on_behalf=child)) is None


MOVE = occurred("circumstance.changed", {"kind": "move"}, "P1M")
COVERED = complete("move", "2026-02-10", "2026-03-10")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([COVERED], False),
        ([COVERED, changed("move", at="2026-03-05")], True),
        ([COVERED, changed("move", at="2026-01-05")], False),
        ([complete("move", "2026-02-11", "2026-03-10")], None),
        ([complete("move", "2026-02-10", "2026-03-09")], None),
        ([complete("birth", "2026-02-10", "2026-03-10")], None),
        ([complete("move", "2026-02-10", "2026-02-28"), complete("move", "2026-03-01", "2026-03-10")], None),
    ],
)
def test_nothing_occurred_only_where_one_declaration_covers_every_day(
    steps: list[StepJson], expected: bool | None
) -> None:
    assert truth(MOVE, *steps) is expected


def test_a_declaration_is_no_occurrence_and_is_not_counted() -> None:
    assert truth(count("circumstance.changed", "ge", 1), COVERED) is None


def test_all_time_is_covered_only_from_its_first_day() -> None:
    ever = occurred("circumstance.changed", {"kind": "move"})
    assert truth(ever, complete("move", "0001-01-01", "2026-03-10")) is False
    assert truth(ever, complete("move", "0001-01-02", "2026-03-10")) is None


def test_no_other_type_is_ever_complete() -> None:
    everything = complete("move", "0001-01-01", "9999-12-31")
    assert truth(occurred("circumstance.changed"), everything) is None
    assert truth(occurred("service.delivered"), everything) is None
    assert truth(occurred("circumstance.changed", {"channel": "web"}), everything) is None


def test_a_month_counts_by_its_first_instant_and_nothing_is_false_while_it_reaches_in() -> None:
    february = changed("move", at="2026-02-01T00:00:00Z", precision="month")
    assert truth(MOVE, COVERED, february) is None
    assert truth(MOVE, COVERED, {**february, "data": {**february["data"], "kind": "birth"}}) is False
    assert truth(occurred("circumstance.changed", {"kind": "move"}, "P2M"), february) is True
    assert truth(MOVE, COVERED, changed("move", at="2026-01-01T00:00:00Z", precision="month")) is False


@pytest.mark.parametrize(
    ("cmp", "known", "all_known"),
    [
        ("ge", [None, None, True, True], [False, False, True, True]),
        ("gt", [None, None, None, True], [False, False, False, True]),
        ("lt", [None, None, False, False], [True, True, False, False]),
        ("le", [None, None, None, False], [True, True, True, False]),
        ("eq", [None, None, None, False], [False, False, True, False]),
        ("ne", [None, None, None, True], [True, True, False, True]),
    ],
)
def test_a_count_is_a_lower_bound_unless_it_is_complete(
    cmp: str, known: list[bool | None], all_known: list[bool]
) -> None:
    moves = [changed("move", at=f"2026-03-0{n}") for n in range(1, 4)]
    rule = count("circumstance.changed", cmp, 2, {"kind": "move"}, "P1M")
    assert [truth(rule, *moves[:n]) for n in range(4)] == known
    assert [truth(rule, COVERED, *moves[:n]) for n in range(4)] == all_known


def test_a_count_of_nothing_may_suffice() -> None:
    assert truth(count("service.delivered", "ge", 0)) is True
    assert truth(count("service.delivered", "lt", 0)) is False


def test_completeness_is_judged_by_the_dates_of_the_zone() -> None:
    now = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)  # the 10th in Sydney
    to_the_ninth = complete("move", "2026-02-01", "2026-03-09")
    assert truth(MOVE, to_the_ninth, now=now) is False
    assert truth(MOVE, to_the_ninth, now=now, zone=SYDNEY) is None
    assert now < NOW
