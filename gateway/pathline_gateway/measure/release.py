"""Which hand-offs are in which released cell: what everybody but auditors is told is a sum of these cells. Pure.

Each hand-off is in one cell at most, and each cell has ten pathways at least. So whatever is added and subtracted of
what is told comes to sums of whole cells, and no smaller group can be told from it. From month to month a cell takes
in, lets go or sees changed ten pathways or none: so differences between months tell of no smaller group either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline_gateway.measure.handoff_indicators import SMALLEST, Handoff


class Cell(NamedTuple):
    """A pair of organisations; None: several, none of whose pairs has a cell of its own."""

    sender: str | None
    receiver: str | None


class Unit(NamedTuple):
    """A hand-off as it was when its cell was released or last changed."""

    id: str
    pathway: UUID
    handoff: Handoff


class ReleasedUnit(NamedTuple):
    """A hand-off in its cell."""

    unit: Unit
    cell: Cell


_ALL: Final = Cell(None, None)

Released = Mapping[str, ReleasedUnit]
"""By the id of the hand-off."""


def refreshed(released: Released, units: Iterable[Unit], now: datetime) -> dict[str, ReleasedUnit]:
    """The cells of a new month, from those of the last one and the hand-offs as they stand."""
    fresh = {each.id: each for each in units}
    cells: defaultdict[Cell, dict[str, Unit]] = defaultdict(dict)
    for id, (unit, cell) in released.items():
        cells[cell][id] = unit
    kept = {cell: left for cell, found in cells.items() if (left := _changed(_left(found, fresh), fresh, now))}
    _promote(kept)
    _take_in(kept, [each for each in fresh.values() if not any(each.id in cell for cell in kept.values())], now)
    return {id: ReleasedUnit(unit, cell) for cell, found in kept.items() for id, unit in found.items()}


def _enough(units: Iterable[Unit]) -> bool:
    """Whether these are of ten persons."""
    found = set[UUID]()
    for each in units:
        found.add(each.pathway)
        if len(found) >= SMALLEST:
            return True
    return False


def _left(found: dict[str, Unit], fresh: Mapping[str, Unit]) -> dict[str, Unit]:
    """Without what is no more, or between others now, where that is enough; nothing where too few are left."""
    gone = {id: unit for id, unit in found.items() if id not in fresh or _pair(fresh[id]) != _pair(unit)}
    if not _enough(gone.values()):
        return found
    left = {id: unit for id, unit in found.items() if id not in gone}
    return left if _enough(left.values()) else {}


def _changed(found: dict[str, Unit], fresh: Mapping[str, Unit], now: datetime) -> dict[str, Unit]:
    """As they stand now, where enough have changed; as they stood where fewer have."""
    here = {id: fresh[id] for id, unit in found.items() if id in fresh and _pair(fresh[id]) == _pair(unit)}
    changed = [unit for id, unit in here.items() if unit.handoff != found[id].handoff._replace(until=None)]
    if not _enough(changed):
        return found
    return found | {id: _seen(unit, now) for id, unit in here.items()}


def _promote(cells: dict[Cell, dict[str, Unit]]) -> None:
    """Pairs that are enough by themselves leave the cells that they share, where enough are left or none."""
    for shared in [cell for cell in cells if None in cell]:
        pairs: defaultdict[Cell, dict[str, Unit]] = defaultdict(dict)
        for id, unit in cells[shared].items():
            pairs[_pair(unit)][id] = unit
        for pair, found in sorted(pairs.items(), key=lambda each: (-len(each[1]), each[0])):
            left = {id: unit for id, unit in cells[shared].items() if id not in found}
            if _enough(found.values()) and (not left or _enough(left.values())):
                cells[pair] = {**cells.get(pair, {}), **found}
                cells[shared] = left
        if not cells[shared]:
            del cells[shared]


def _take_in(cells: dict[Cell, dict[str, Unit]], waiting: Collection[Unit], now: datetime) -> None:
    """Of those in no cell: as pairs; then by sender, by receiver, and all together. Who are too few wait."""
    for cell_of in (
        _pair,
        lambda unit: Cell(unit.handoff.sender, None),
        lambda unit: Cell(None, unit.handoff.receiver),
        lambda _: _ALL,
    ):
        groups: defaultdict[Cell, list[Unit]] = defaultdict(list)
        for unit in waiting:
            groups[cell_of(unit)].append(unit)
        waiting = list[Unit]()
        for cell, group in groups.items():
            if _enough(group):
                cells[cell] = {**cells.get(cell, {}), **{unit.id: _seen(unit, now) for unit in group}}
            else:
                waiting += group


def _pair(unit: Unit) -> Cell:
    return Cell(unit.handoff.sender, unit.handoff.receiver)


def _seen(unit: Unit, now: datetime) -> Unit:
    return unit._replace(handoff=unit.handoff._replace(until=now))


def told(released: Iterable[ReleasedUnit], sender: str | None, receiver: str | None) -> list[Handoff]:
    """The hand-offs of whole cells that are all from this sender or all to this receiver; None: from or to anybody."""
    return [
        each.unit.handoff
        for each in released
        if sender in (None, each.cell.sender) and receiver in (None, each.cell.receiver)
    ]


def told_by_pair(released: Iterable[ReleasedUnit], sender: str | None, receiver: str | None) -> list[Handoff]:
    """The same, of the cells of one pair alone."""
    return told([each for each in released if None not in each.cell], sender, receiver)
