"""Whoever asks everything there is to ask, every day, learns of no cell under ten."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.measure import release
from pathline_gateway.measure.handoff_indicators import MIN_CELL_SIZE, Handoff
from pathline_gateway.measure.release import (
    Cell,
    ReleasedUnit,
    Unit,
    refresh_cells,
    select_handoffs,
    select_pair_handoffs,
)
from support.examples import examples

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 95
ORGS = ("a", "b", "c", "d")
Refresh = Callable[[Mapping[str, ReleasedUnit], list[Unit], datetime], dict[str, ReleasedUnit]]


class World:
    """Hand-offs between four organisations over three months: few or many, some answered, some taken away again."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        rates = {(s, r): rng.choice((0, 0, 1, 3, 5, 8, 12, 30)) for s in ORGS for r in ORGS if s != r}
        self.born: list[tuple[int, Unit, int | None, int | None]] = []
        for (sender, receiver), rate in sorted(rates.items()):
            for n in range(rng.randrange(rate + 1) * 3):
                day = rng.randrange(DAYS)
                at = START + timedelta(days=day, hours=rng.randrange(24))
                nothing = (None, None, None, None, None, False)
                unit = Unit(
                    f"{sender}{receiver}{n}", UUID(int=rng.randrange(400)), Handoff(sender, receiver, at, *nothing)
                )
                answered = day + rng.randrange(60) if rng.random() < 0.6 else None
                gone = day + rng.randrange(90) if rng.random() < 0.15 else None
                self.born.append((day, unit, answered, gone))

    def units(self, day: int, before: int) -> list[Unit]:
        """As they stand on this day, of those that were offered before that one."""
        found = []
        for born, unit, answered, gone in self.born:
            if born >= before or (gone is not None and gone <= day):
                continue
            accepted = None if answered is None or answered > day else START + timedelta(days=answered)
            found.append(unit._replace(handoff=unit.handoff._replace(accepted=accepted)))
        return found


Question = tuple[Any, ...]


def months(day: int) -> int:
    """The day on which the month of this day began."""
    at = START + timedelta(days=day)
    return (at.replace(day=1) - START).days


def asked(cells: Mapping[str, ReleasedUnit]) -> dict[Question, list[ReleasedUnit]]:
    """Every question, and the hand-offs whose number is the answer."""
    every = list(cells.values())

    def of(handoffs: Sequence[Handoff]) -> list[ReleasedUnit]:
        wanted = {id(each) for each in handoffs}
        return [each for each in every if id(each.unit.handoff) in wanted]

    found: dict[Question, list[ReleasedUnit]] = {}
    for sender, receiver in ((None, None), *((s, None) for s in ORGS), *((None, r) for r in ORGS)):
        found["all", sender, receiver] = of(select_handoffs(every, sender, receiver))
        for s in ORGS:
            for r in ORGS:
                pairs = select_pair_handoffs(every, sender, receiver)
                found["pair", s, r] = of([each for each in pairs if (each.sender, each.receiver) == (s, r)])
    return {question: units for question, units in found.items() if len(units) >= MIN_CELL_SIZE or units == []}


def attacked(world: World, refresh: Refresh, every_day: bool = False, daily: bool = False) -> str | None:
    """A group of fewer than ten people whose size follows from what was answered; None where there is none.

    Each answer is a sum over hand-offs. A group can be told exactly where its indicator is a sum of multiples of those
    of answers: where it is in their span. The groups that are tried: each pair's, of each month, who came, who left and
    who changed in each, and what any two answers differ by.
    """
    released: dict[str, ReleasedUnit] = {}
    answers: list[frozenset[str]] = []
    groups: set[frozenset[str]] = set()
    people: dict[str, UUID] = {}
    last = -1
    for day in range(28, DAYS):
        begun = day if daily else months(day)
        if begun == last and not every_day:
            continue
        last = begun
        units = world.units(day, begun)
        people |= {unit.id: unit.pathway for unit in units}
        before, released = released, refresh(released, units, START + timedelta(days=day))
        answers += [frozenset(each.unit.id for each in found) for found in asked(released).values()]
        groups |= _groups(before, released, units)
    distinct = list(dict.fromkeys(answers))
    groups |= {a - b for a, b in combinations(distinct, 2) if b < a}
    small = [each for each in groups if each and len({people[id] for id in each}) < MIN_CELL_SIZE]
    span = Span(distinct)
    found = next((each for each in small if span.has(each)), None)
    return None if found is None else f"{len(found)} hand-offs: {sorted(found)}"


def _groups(
    before: Mapping[str, ReleasedUnit], after: Mapping[str, ReleasedUnit], units: Sequence[Unit]
) -> set[frozenset[str]]:
    pairs: defaultdict[Any, set[str]] = defaultdict(set)
    for unit in units:
        pairs[unit.handoff.sender, unit.handoff.receiver].add(unit.id)
    for id, each in after.items():
        pairs["cell", each.unit.handoff[:2], each.cell].add(id)
        if id not in before:
            pairs["came", each.unit.handoff[:2]].add(id)
            pairs["came into", each.cell].add(id)
    for id, each in before.items():
        if id not in after:
            pairs["left", each.unit.handoff[:2]].add(id)
            pairs["left from", each.cell].add(id)
        elif after[id].unit.handoff.accepted != each.unit.handoff.accepted:
            pairs["changed", each.cell].add(id)
    return {frozenset(found) for found in pairs.values()}


class Span:
    """Sums of multiples of the indicators of these sets, exactly."""

    def __init__(self, sets: Sequence[frozenset[str]]) -> None:
        self._columns = {id: n for n, id in enumerate(sorted(frozenset().union(*sets)))}
        self._rows: dict[int, dict[int, Fraction]] = {}
        for each in sets:
            left = self._reduced(self._row(each))
            if left:
                pivot = min(left)
                self._rows[pivot] = {n: value / left[pivot] for n, value in left.items()}

    def has(self, group: frozenset[str]) -> bool:
        return group <= self._columns.keys() and not self._reduced(self._row(group))

    def _row(self, group: frozenset[str]) -> dict[int, Fraction]:
        return {self._columns[id]: Fraction(1) for id in group}

    def _reduced(self, row: dict[int, Fraction]) -> dict[int, Fraction]:
        for pivot in sorted(self._rows):
            if factor := row.get(pivot):
                for n, value in self._rows[pivot].items():
                    left = row.get(n, Fraction(0)) - factor * value
                    if left:
                        row[n] = left
                    else:
                        row.pop(n, None)
        return row


@examples(25, deadline=None)
@given(st.integers(0, 2**32))
def test_an_attacker_who_asks_everything_every_month_recovers_no_small_cell(seed: int) -> None:
    assert attacked(World(seed), refresh_cells) is None


@examples(25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_cell_has_ten_people_and_keeps_what_it_says_until_ten_have_changed(seed: int) -> None:
    world, released = World(seed), dict[str, ReleasedUnit]()
    for day in (31, 61, 92):
        before, units = released, world.units(day, months(day))
        released = refresh_cells(before, units, START + timedelta(days=day))
        cells: defaultdict[Cell, list[Unit]] = defaultdict(list)
        for each in released.values():
            cells[each.cell].append(each.unit)
        assert all(len({unit.pathway for unit in found}) >= MIN_CELL_SIZE for found in cells.values())
        for cell, found in cells.items():
            then = {id: each.unit for id, each in before.items() if each.cell == cell}
            now = {unit.id: unit for unit in found}
            changed = then.keys() & {id for id in now if then.get(id) != now[id]}
            otherwise = (then.keys() ^ now.keys()) | changed
            assert not then or not otherwise or len(otherwise) >= MIN_CELL_SIZE


def small_cells_are_in_the_totals(
    released: Mapping[str, ReleasedUnit], units: list[Unit], now: datetime
) -> dict[str, ReleasedUnit]:
    """Planted: what is in no cell is in the totals all the same, as before."""
    found = refresh_cells(released, units, now)
    return found | {each.id: ReleasedUnit(each, Cell(None, None)) for each in units if each.id not in found}


def nothing_is_kept(released: Mapping[str, ReleasedUnit], units: list[Unit], now: datetime) -> dict[str, ReleasedUnit]:
    """Planted: each month is released anew."""
    return refresh_cells({}, units, now)


@pytest.mark.parametrize(
    ("planted", "daily"),
    [(small_cells_are_in_the_totals, False), (nothing_is_kept, False), (nothing_is_kept, True)],
    ids=["no complementary suppression", "nothing is kept", "days instead of months"],
)
def test_planted_holes_are_found(planted: Refresh, daily: bool) -> None:
    assert any(attacked(World(seed), planted, daily=daily) is not None for seed in range(20))


def test_cells_of_one_person_are_small_however_many_hand_offs_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = (None, None, None, None, None, False)
    units = [Unit(f"h{n}", UUID(int=1), Handoff("a", "b", START, *nothing)) for n in range(50)]
    assert refresh_cells({}, units, START) == {}
    monkeypatch.setattr(release, "_is_large_enough", lambda some: len(list(some)) >= MIN_CELL_SIZE)
    assert len(refresh_cells({}, units, START)) == 50
