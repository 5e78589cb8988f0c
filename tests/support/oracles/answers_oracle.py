"""Which answers to a rule there are, by an oracle: what can be asked, what can be proved, what fits together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from support.oracles.leaves_oracle import Node, kind_of, truth_of_value

LARGEST_INTEGER = 2**53 - 1
"""What every JSON reader keeps exactly."""

DAY = timedelta(days=1)


def size_of(leaves: Sequence[Node]) -> int:
    """How many facts and step types the leaves are about."""
    types = {leaf["type"] for leaf in leaves if leaf["op"] in ("occurred", "count")}
    facts = {leaf["fact"] for leaf in leaves if leaf["op"] not in ("occurred", "count")}
    return len(types) + len(facts)


def can_be_answered(leaf: Node, facts: Sequence[Mapping[str, Any]], on: date) -> bool:
    """Whether an answer to the leaf, which is unknown, would count."""
    if leaf["op"] in ("occurred", "count"):
        return True
    for fact in facts:
        if fact["fact"] != leaf["fact"]:
            continue
        if fact["state"] == "conflict":
            # Nobody can state anything later than today, so what is in conflict since today remains so.
            return bool(fact["since"] != on.isoformat())
        # What is known compares with nothing of another type. Only a text that is no date yet can become one.
        return leaf["op"] == "age" and isinstance(fact["values"][0]["value"], str)
    return True


def can_be_proved(leaf: Node, wanted: bool) -> bool:
    """Whether some step can make the leaf so."""
    if leaf["op"] in ("compare", "age"):
        return True
    if leaf["op"] == "exists":
        # No step says that there is nothing.
        return wanted
    if kind_of(leaf) is not None:
        # Of a kind of circumstance all can be declared.
        return True
    # Of other steps it is only ever known that there are so many, or more.
    if leaf["op"] == "occurred":
        return wanted
    return wanted if leaf["cmp"] in ("ge", "gt", "ne") else not wanted


def can_be_given(answers: Sequence[tuple[Node, bool]], on: date) -> bool:
    """Whether each fact could have a value that is as all answers about it want."""
    about_facts = [answer for answer in answers if answer[0]["op"] not in ("occurred", "count")]
    for name in {leaf["fact"] for leaf, _ in about_facts}:
        its = [(leaf, wanted) for leaf, wanted in about_facts if leaf["fact"] == name]
        # That it is not there is wanted alone, or there must be a value.
        absent = all(leaf["op"] == "exists" and not wanted for leaf, wanted in its)
        if not absent and not any(_fits(its, value, on) for value in _values_to_try([leaf for leaf, _ in its], on)):
            return False
    return True


def _fits(answers: Sequence[tuple[Node, bool]], value: Any, on: date) -> bool:
    return all(truth_of_value(leaf, value, on) is wanted for leaf, wanted in answers)


def _values_to_try(leaves: Sequence[Node], on: date) -> list[Any]:
    """Values on both sides of wherever one of the leaves changes its truth: if none of these fits, none does."""
    constants = [
        constant
        for leaf in leaves
        if leaf["op"] == "compare"
        for constant in (leaf["value"] if leaf["cmp"] == "in" else [leaf["value"]])
    ]
    numbers = [constant for constant in constants if type(constant) is int]
    texts = [constant for constant in constants if isinstance(constant, str)]
    around = [number + step for number in numbers for step in (-1, 0, 1)]
    integers = [number for number in (0, *around) if abs(number) <= LARGEST_INTEGER]
    # A text is not empty and has no U+0000: the first of all is U+0001, and it follows each text most closely.
    return [True, False, *integers, "\x01", *texts, *(f"{text}\x01" for text in texts), *_dates_to_try(leaves, on)]


def _dates_to_try(leaves: Sequence[Node], on: date) -> list[str]:
    """Dates up to today around each birthday and around each text that the leaves name."""
    ages = [leaf["value"] for leaf in leaves if leaf["op"] == "age"]
    if not ages:
        return []
    days = {date.min, on}
    for years in {0, *(age + step for age in ages for step in (0, 1))}:
        if 0 <= years < on.year:
            # 28 February is in every year; the days around it are tried as well.
            days.add(date(on.year - years, on.month, min(on.day, 28)))
    texts = [text for leaf in leaves if leaf["op"] == "compare" for text in _texts(leaf)]
    for text in texts:
        days.add(_nearest_day_before(text))
    near = {day + DAY * step for day in days for step in range(-4, 5) if _exists(day, step)}
    return [day.isoformat() for day in sorted(near) if day <= on]


def _texts(leaf: Node) -> list[str]:
    values = leaf["value"] if leaf["cmp"] == "in" else [leaf["value"]]
    return [value for value in values if isinstance(value, str)]


def _exists(day: date, step: int) -> bool:
    return 1 <= day.toordinal() + step <= date.max.toordinal()


def _nearest_day_before(text: str) -> date:
    """The last day that is written as a text not after this one; the first of all days where each is after it."""
    days = range(1, date.max.toordinal() + 1)
    return date.fromordinal(max(1, bisect_right(days, text, key=lambda day: date.fromordinal(day).isoformat())))
