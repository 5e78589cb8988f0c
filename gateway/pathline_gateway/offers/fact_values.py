"""Whether any value of a fact answers several leaves about it as wanted. Pure.

Texts, whole numbers and truths are ordered and have ends. Leaves change their truth only at the values that they name.
So one value of each stretch between those stands for all of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from pathline.vocabulary.numbers import MAX_SAFE_INTEGER
from pathline_gateway.offers.leaves import AgeLeaf, CompareLeaf, ExistsLeaf, FactLeaf
from pathline_gateway.offers.values import FactScalar, Truth

MAX_TEXT_CHARACTERS: Final = 2000
"""Longest text that a fact can be."""
_FIRST_CHARACTER, _LAST_CHARACTER = "\x01", "\U0010ffff"
_SURROGATES: Final = range(0xD800, 0xE000)
_DAYS: Final = range(date.min.toordinal(), date.max.toordinal() + 1)


@dataclass(frozen=True, slots=True)
class FactValues:
    """For each leaf about one fact, which of some representative values answer it so: a bit a value."""

    answered: dict[int, tuple[int, int]]
    """By leaf: the values for which it is true, those for which it is false."""

    def is_possible(self, answers: Iterable[tuple[int, bool]]) -> bool:
        """Whether one value gives all these leaves the truths that are wanted."""
        possible = -1
        for leaf, wanted in answers:
            possible &= self.answered[leaf][0 if wanted else 1]
        return possible != 0


def tabulate_values(leaves: Sequence[tuple[int, FactLeaf]], today: date) -> FactValues:
    """The table of these numbered leaves, which all ask for one fact."""
    values = _Values.of(_representatives([leaf for _, leaf in leaves], today))
    answered = {number: _answered(leaf, values, today) for number, leaf in leaves}
    return FactValues(answered)


class _Values(NamedTuple):
    """Distinct values; `places` says which bit each is, `of_type` which bits those of a type are."""

    places: dict[tuple[type, FactScalar], int]
    of_type: dict[type, int]

    @classmethod
    def of(cls, values: Iterable[FactScalar]) -> _Values:
        places, of_type = dict[tuple[type, FactScalar], int](), dict[type, int]()
        for value in values:
            place = places.setdefault((type(value), value), len(places))
            of_type[type(value)] = of_type.get(type(value), 0) | 1 << place
        return cls(places, of_type)

    @property
    def all(self) -> int:
        """The bits of all values."""
        return (1 << len(self.places)) - 1


def _answered(leaf: FactLeaf, values: _Values, today: date) -> tuple[int, int]:
    """The values for which the leaf is true, and those for which it is false."""
    match leaf:
        case ExistsLeaf():
            # Beyond all values: that there is none is the one answer to an `exists` that is to be false.
            return values.all, values.all + 1
        case CompareLeaf(cmp="eq" | "ne" | "in"):
            one_of, none_of = _is_one_of(_named_values(leaf), values)
            return (none_of, one_of) if leaf.cmp == "ne" else (one_of, none_of)
    truths = [leaf.judge_value(value, today) for _, value in values.places]
    return _bits(truths, True), _bits(truths, False)


def _is_one_of(named: Sequence[FactScalar], values: _Values) -> tuple[int, int]:
    """Where a value is one of these, and where it is another of the same type. A list can be long."""
    one_of = 0
    for value in named:
        one_of |= 1 << values.places[type(value), value]
    types = {type(value) for value in named}
    if len(types) > 1:
        return one_of, 0
    return one_of, (values.of_type[types.pop()] if types else values.all) & ~one_of


def _bits(truths: Iterable[Truth], wanted: bool) -> int:
    return sum(1 << n for n, truth in enumerate(truths) if truth is wanted)


def _representatives(leaves: Sequence[FactLeaf], today: date) -> Iterator[FactScalar]:
    """A value of each stretch on which no leaf changes, and the values between the stretches."""
    named = [value for leaf in leaves if isinstance(leaf, CompareLeaf) for value in _named_values(leaf)]
    yield from (True, False, -MAX_SAFE_INTEGER, _FIRST_CHARACTER)
    for value in named:
        yield value
        match value:
            case str():
                following = next_text(value)
                if following is not None:
                    yield following
            case int() if not isinstance(value, bool) and value < MAX_SAFE_INTEGER:
                yield value + 1
    ages = [leaf for leaf in leaves if isinstance(leaf, AgeLeaf)]
    if ages:
        yield from _representative_dates([value for value in named if isinstance(value, str)], ages, today)


def _named_values(leaf: CompareLeaf) -> Sequence[FactScalar]:
    return leaf.value if isinstance(leaf.value, list | tuple) else (leaf.value,)


def _representative_dates(texts: Iterable[str], ages: Iterable[AgeLeaf], today: date) -> Iterator[str]:
    """Of the dates: the first of each stretch. Their order as texts is that of the calendar."""
    starts = {date.min.toordinal()}
    for text in texts:
        starts.add(_DAYS.start + bisect_left(_DAYS, text, key=_day_text))
        starts.add(_DAYS.start + bisect_right(_DAYS, text, key=_day_text))
    for leaf in ages:
        # The youngest are born after the day from which on somebody is not that old.
        starts |= {_first_younger(leaf.value, today), _first_younger(leaf.value + 1, today)}
    yield from (_day_text(each) for each in sorted(starts) if each in _DAYS)


def _first_younger(years: int, today: date) -> int:
    """The ordinal of the first birthday of those who are not so many whole years old."""
    if not 0 < years <= today.year:
        return today.toordinal() + 1 if years <= 0 else date.min.toordinal()
    year = today.year - years
    if year < date.min.year:
        return date.min.toordinal()
    if (today.month, today.day) == (2, 29):
        return date(year, 3, 1).toordinal()  # whoever is born on 1 March has no birthday before tomorrow
    born_today = date(year, today.month, today.day)
    return (born_today + timedelta(days=1)).toordinal()


def _day_text(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def next_text(text: str) -> str | None:
    """The text that follows by code point, among those that a fact can be; None after the last."""
    if len(text) < MAX_TEXT_CHARACTERS:
        return text + _FIRST_CHARACTER
    stem = text.rstrip(_LAST_CHARACTER)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
