"""What a fact can be worth, and how two such values compare. Pure.

Truth is Kleene's: true, false, or None for unknown.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final

from pathline.instant import DAY_PATTERN

Truth = bool | None
"""True, false or unknown."""
FactScalar = str | int | bool
"""A text, a whole number or a truth; in JSON these are never equal to each other."""

_DAY: Final = re.compile(DAY_PATTERN, re.ASCII)
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def is_same(one: object, other: object) -> bool:
    """Whether both are the same JSON: 1 is not true."""
    return type(one) is type(other) and one == other


def compare(value: FactScalar, cmp: str, reference: FactScalar) -> Truth:
    """Whether the value stands so to the reference; unknown where they have no order, or are of two types."""
    if type(value) is not type(reference) or (isinstance(value, bool) and cmp not in ("eq", "ne")):
        return None
    return _OPERATORS[cmp](value, reference)


def compare_numbers(number: int, cmp: str, reference: int) -> bool:
    """Whether the number stands so to the reference."""
    return _OPERATORS[cmp](number, reference)


def any_of(truths: Iterable[Truth]) -> Truth:
    """True where one is, false where all are, else unknown."""
    is_unknown = False
    for each in truths:
        if each:
            return True
        is_unknown = is_unknown or each is None
    return None if is_unknown else False


def parse_day(value: object) -> date | None:
    """The date that a text of exactly YYYY-MM-DD names; None of anything else."""
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def whole_years(birth: date, today: date) -> int | None:
    """How many birthdays have passed; None of a date in the future.

    In years without a 29 February that birthday is 1 March.
    """
    if birth > today:
        return None
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def day_text(day: date | None) -> str | None:
    """The date as it is served."""
    return None if day is None else day.isoformat()
