"""The oracle's truth of each leaf, by worked examples."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.offers.worked_steps import (
    NOW,
    SYDNEY,
    ZONE,
    Leaf,
    Step,
    aged,
    changed,
    compare,
    counted,
    declared,
    exists,
    occurred,
    stated,
    step,
)
from support.oracles.facts_oracle import facts_of
from support.oracles.leaves_oracle import Finding, Truth, finding_of

CONFLICT = [stated("2026-05-01", "school", x=2), stated("2026-05-01", "clinic", x=3)]


def finding(steps: list[Step], leaf: Leaf, now: datetime = NOW) -> Finding:
    """What the leaf is, and what shows it."""
    return finding_of(leaf, steps, facts_of(steps, now, ZONE), now, ZONE)


def truth(steps: list[Step], leaf: Leaf, now: datetime = NOW) -> Truth:
    """Whether the leaf is so."""
    return finding(steps, leaf, now).truth


@pytest.mark.parametrize(
    ("value", "cmp", "wanted", "expected"),
    [
        (2, "eq", 2, True),
        (2, "ne", 2, False),
        (2, "lt", 3, True),
        (3, "le", 2, False),
        (2, "ge", 2, True),
        (1, "eq", True, None),
        (True, "eq", 1, None),
        ("2", "ne", 2, None),
        (False, "ne", True, True),
        (False, "lt", True, None),
        (True, "ge", True, None),
        ("Z", "lt", "a", True),
        ("é", "gt", "z", True),
        (2, "in", [1, 2], True),
        (2, "in", [1, 3], False),
        (2, "in", ["two", 2], True),
        (2, "in", ["two", 3], None),
        (2, "in", [], False),
    ],
)
def test_a_known_fact_compares_with_its_own_type_alone(value: Any, cmp: str, wanted: Any, expected: Truth) -> None:
    assert truth([stated("2026-05-01", x=value)], compare("x", cmp, wanted)) is expected


def test_an_absent_fact_is_neither_false_nor_zero() -> None:
    for leaf in (compare("x", "eq", 0), compare("x", "in", []), exists("x"), aged("x", "ge", 0)):
        assert truth([], leaf) is None


def test_a_conflict_exists_and_compares_with_nothing() -> None:
    assert truth(CONFLICT, exists("x")) is True
    assert truth(CONFLICT, compare("x", "gt", 1)) is None
    assert truth(CONFLICT, compare("x", "in", [])) is None
    assert finding(CONFLICT, exists("x")).is_ == [2, 3]


@pytest.mark.parametrize(
    ("birth", "years"),
    [
        ("2008-06-15", 18),
        ("2008-06-16", 17),
        ("2026-06-15", 0),
        ("2026-06-16", None),
        ("2008-6-15", None),
        ("2008-06-15T00:00:00Z", None),
        ("2008-02-30", None),
        (2008, None),
    ],
)
def test_age_is_in_whole_years_of_a_date_that_has_come(birth: Any, years: int | None) -> None:
    steps = [stated("2026-05-01", born=birth)]
    assert finding(steps, aged("born", "ge", 18)).is_ == years
    assert truth(steps, aged("born", "ge", 18)) is (None if years is None else years >= 18)


def test_who_was_born_on_29_february_has_her_birthday_on_1_march_in_other_years() -> None:
    steps = [stated("2020-01-01", time="2020-01-01", born="2004-02-29")]
    leaf = aged("born", "ge", 18)
    assert truth(steps, leaf, datetime(2022, 2, 28, 12, tzinfo=UTC)) is False
    assert truth(steps, leaf, datetime(2022, 3, 1, 12, tzinfo=UTC)) is True
    assert truth(steps, aged("born", "eq", 20), datetime(2024, 2, 29, 12, tzinfo=UTC)) is True


def test_the_age_of_a_circumstance_is_that_of_its_date() -> None:
    assert truth([changed("birth", "2024-06-15")], aged("circumstance.birth", "eq", 2)) is True


def test_a_step_occurred_in_a_window_that_is_open_at_its_start_and_closed_at_now() -> None:
    leaf = occurred("contact.made", within="PT2H")
    assert truth([step("contact.made", "2026-06-15T08:00:00Z", kind="chase")], leaf) is None
    assert truth([step("contact.made", "2026-06-15T08:00:00.000001Z", kind="chase")], leaf) is True
    assert truth([step("contact.made", "2026-06-15T10:00:00Z", kind="chase")], leaf) is True
    assert truth([step("contact.made", "2026-06-15T10:00:01Z", kind="chase")], leaf) is None


@pytest.mark.parametrize(
    ("now", "within", "outside", "inside"),
    [
        ("2026-03-31T12:00:00+00:00", "P1M", "2026-02-28T12:00:00Z", "2026-02-28T12:00:01Z"),
        ("2024-02-29T12:00:00+00:00", "P1Y", "2023-02-28T12:00:00Z", "2023-02-28T12:00:01Z"),
        ("2024-03-31T12:00:00+00:00", "P1Y1M1D", "2023-02-27T12:00:00Z", "2023-02-27T12:00:01Z"),
        ("2026-03-31T12:00:00+00:00", "P1DT12H", "2026-03-30T00:00:00Z", "2026-03-30T00:00:01Z"),
        ("2026-03-31T12:00:00+00:00", "P2W", "2026-03-17T12:00:00Z", "2026-03-17T12:00:01Z"),
        ("2026-03-31T12:00:00+00:00", "PT0.5S", "2026-03-31T11:59:59.5Z", "2026-03-31T11:59:59.6Z"),
    ],
)
def test_a_window_goes_back_by_months_then_days_then_clock(now: str, within: str, outside: str, inside: str) -> None:
    leaf, at = occurred("contact.made", within=within), datetime.fromisoformat(now)
    assert truth([step("contact.made", outside, kind="chase")], leaf, at) is None
    assert truth([step("contact.made", inside, kind="chase")], leaf, at) is True


def test_a_day_of_a_window_is_one_of_the_zone_also_when_the_clocks_change() -> None:
    # In Sydney, 5 April 2026 had 25 hours.
    now = datetime.fromisoformat("2026-04-05T12:00:00+10:00")
    steps = [step("contact.made", "2026-04-04T12:30:00+11:00", kind="chase")]
    assert finding_of(occurred("contact.made", within="P1D"), steps, [], now, SYDNEY).truth is True
    assert finding_of(occurred("contact.made", within="PT24H"), steps, [], now, SYDNEY).truth is None


def test_where_is_equal_to_what_was_published() -> None:
    steps = [
        step("appointment.booked", "2026-05-01", appointment="a", start="2026-06-20T09:00:00+10:00", needs=["food"]),
    ]
    assert truth(steps, occurred("appointment.booked", start="2026-06-19T23:00:00Z")) is True
    assert truth(steps, occurred("appointment.booked", start="2026-06-20T09:00:00Z")) is None
    assert truth(steps, occurred("appointment.booked", needs="food")) is True
    assert truth(steps, occurred("appointment.booked", needs="income")) is None
    assert truth(steps, occurred("appointment.booked", participation="voluntary")) is None
    assert truth(steps, occurred("appointment.booked", needs="food", appointment="b")) is None


def test_one_is_not_true_in_where() -> None:
    steps = [step("service.delivered", "2026-05-01", quantity=1), step("contact.made", "2026-05-01", resolved=True)]
    assert truth(steps, occurred("service.delivered", quantity=True)) is None
    assert truth(steps, occurred("contact.made", resolved=1)) is None


def test_what_is_done_for_another_is_no_occurrence_and_a_declaration_neither() -> None:
    his = {"subject": "v1.x", "role": "deceased"}
    assert (
        truth([changed("death", "2026-02-07", on_behalf=his)], occurred("circumstance.changed", kind="death")) is None
    )
    steps = [declared("birth", "2026-01-01", "2026-06-15")]
    assert truth(steps, counted("circumstance.changed", "ge", 1)) is None


def test_only_a_declaration_of_the_kind_over_each_date_of_the_window_makes_false() -> None:
    leaf = occurred("circumstance.changed", within="P10D", kind="birth")
    assert truth([declared("birth", "2026-06-05", "2026-06-15")], leaf) is False
    assert truth([declared("birth", "2026-06-06", "2026-06-15")], leaf) is None
    assert truth([declared("birth", "2026-06-05", "2026-06-14")], leaf) is None
    assert truth([declared("death", "2026-06-05", "2026-06-15")], leaf) is None
    halves = [declared("birth", "2026-06-05", "2026-06-10"), declared("birth", "2026-06-11", "2026-06-15")]
    assert truth(halves, leaf) is None
    assert (
        truth([declared("birth", "2026-06-05", "2026-06-15")], occurred("circumstance.changed", within="P10D")) is None
    )
    assert truth([declared("birth", "2026-06-05", "2026-06-15"), changed("birth", "2026-06-10")], leaf) is True


def test_all_time_is_covered_only_from_its_first_date() -> None:
    leaf = occurred("circumstance.changed", kind="birth")
    assert truth([declared("birth", "0001-01-02", "2026-06-15")], leaf) is None
    assert truth([declared("birth", "0001-01-01", "2026-06-15")], leaf) is False


def test_a_coarse_step_that_reaches_into_the_window_leaves_it_unknown() -> None:
    leaf = occurred("circumstance.changed", within="P10D", kind="birth")
    complete = declared("birth", "2026-06-01", "2026-06-15")
    month = changed("birth", "2026-06-01", time="2026-06-01T00:00:00Z", precision="month")
    day = changed("birth", "2026-06-04", time="2026-06-04T00:00:00Z", precision="day")
    reaching_day = changed("birth", "2026-06-05", time="2026-06-05T00:00:00Z", precision="day")
    assert truth([month, complete], leaf) is None
    assert truth([day, complete], leaf) is False
    assert truth([reaching_day, complete], leaf) is None
    # The window begins at ten in the morning of 5 June, when this day ends.
    ending = changed("birth", "2026-06-05", time="2026-06-05T00:00:00+14:00", precision="day")
    assert truth([ending, complete], leaf) is False
    assert (
        truth([changed("birth", "2026-06-05", time="2026-06-05T00:00:00+13:59", precision="day"), complete], leaf)
        is None
    )


@pytest.mark.parametrize(
    ("cmp", "value", "open_ended", "complete"),
    [
        ("ge", 2, True, True),
        ("ge", 3, None, False),
        ("gt", 1, True, True),
        ("gt", 2, None, False),
        ("lt", 2, False, False),
        ("lt", 3, None, True),
        ("le", 1, False, False),
        ("le", 2, None, True),
        ("eq", 1, False, False),
        ("eq", 2, None, True),
        ("eq", 3, None, False),
        ("ne", 1, True, True),
        ("ne", 2, None, False),
        ("ne", 3, None, True),
    ],
)
def test_of_two_steps_it_is_known_what_no_more_of_them_could_change(
    cmp: str, value: int, open_ended: Truth, complete: Truth
) -> None:
    leaf = counted("circumstance.changed", cmp, value, kind="move")
    moves = [changed("move", "2026-01-01"), changed("move", "2026-02-01")]
    assert truth(moves, leaf) is open_ended
    assert truth([*moves, declared("move", "0001-01-01", "2026-06-15")], leaf) is complete


def test_the_first_twenty_steps_prove_a_count_and_the_declaration_only_where_it_is_needed() -> None:
    moves = [changed("move", f"2026-01-{day:02}", id=f"m{day}") for day in range(1, 26)]
    steps = [*moves, declared("move", "0001-01-01", "2026-06-15", id="all")]
    enough = finding(steps, counted("circumstance.changed", "ge", 2, kind="move"))
    exact = finding(steps, counted("circumstance.changed", "eq", 25, kind="move"))
    first = [f"m{day}" for day in range(1, 21)]
    assert (enough.is_, [proof["id"] for proof in enough.proof]) == (25, first)
    assert (exact.is_, [proof["id"] for proof in exact.proof]) == (25, [*first, "all"])
