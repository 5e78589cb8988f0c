"""Which hand-offs are in which released cell: everybody but auditors sees sums of these cells. Pure.

Each hand-off is in one cell at most, and each cell has ten pathways at least. So every sum and difference of answers is
one of whole cells, and tells of no smaller group. From month to month a cell gains, loses or changes ten pathways or
none. So differences between months tell of no smaller group either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline_gateway.measure.handoff_indicators import MIN_CELL_SIZE, Handoff


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


_ANY_PAIR: Final = Cell(None, None)

Released = Mapping[str, ReleasedUnit]
"""By the id of the hand-off."""


def refresh_cells(released: Released, units: Iterable[Unit], now: datetime) -> dict[str, ReleasedUnit]:
    """The cells of a new month, from those of the last one and the hand-offs as they stand."""
    current_units = {each.id: each for each in units}
    cells: defaultdict[Cell, dict[str, Unit]] = defaultdict(dict)
    for id, (unit, cell) in released.items():
        cells[cell][id] = unit
    new_cells = {
        cell: remaining
        for cell, cell_units in cells.items()
        if (remaining := _update_changed(_drop_departed(cell_units, current_units), current_units, now))
    }
    _promote_pairs(new_cells)
    _assign_waiting(
        new_cells,
        [each for each in current_units.values() if not any(each.id in cell for cell in new_cells.values())],
        now,
    )
    return {id: ReleasedUnit(unit, cell) for cell, cell_units in new_cells.items() for id, unit in cell_units.items()}


def _is_large_enough(units: Iterable[Unit]) -> bool:
    """Whether these are of ten persons."""
    pathways = set[UUID]()
    for each in units:
        pathways.add(each.pathway)
        if len(pathways) >= MIN_CELL_SIZE:
            return True
    return False


def _drop_departed(cell_units: dict[str, Unit], current_units: Mapping[str, Unit]) -> dict[str, Unit]:
    """Without what is no more, or between others now, where that is enough; nothing where too few are left."""
    gone = {
        id: unit
        for id, unit in cell_units.items()
        if id not in current_units or _pair_of(current_units[id]) != _pair_of(unit)
    }
    if not _is_large_enough(gone.values()):
        return cell_units
    remaining = {id: unit for id, unit in cell_units.items() if id not in gone}
    return remaining if _is_large_enough(remaining.values()) else {}


def _update_changed(cell_units: dict[str, Unit], current_units: Mapping[str, Unit], now: datetime) -> dict[str, Unit]:
    """As they stand now, where enough have changed; as they stood where fewer have."""
    still_here = {
        id: current_units[id]
        for id, unit in cell_units.items()
        if id in current_units and _pair_of(current_units[id]) == _pair_of(unit)
    }
    changed = [unit for id, unit in still_here.items() if unit.handoff != cell_units[id].handoff._replace(until=None)]
    if not _is_large_enough(changed):
        return cell_units
    return cell_units | {id: _observed_at(unit, now) for id, unit in still_here.items()}


def _promote_pairs(cells: dict[Cell, dict[str, Unit]]) -> None:
    """Pairs that are enough by themselves leave the cells that they share, where enough are left or none."""
    for shared_cell in [cell for cell in cells if None in cell]:
        pairs: defaultdict[Cell, dict[str, Unit]] = defaultdict(dict)
        for id, unit in cells[shared_cell].items():
            pairs[_pair_of(unit)][id] = unit
        for pair, pair_units in sorted(pairs.items(), key=lambda each: (-len(each[1]), each[0])):
            remaining = {id: unit for id, unit in cells[shared_cell].items() if id not in pair_units}
            if _is_large_enough(pair_units.values()) and (not remaining or _is_large_enough(remaining.values())):
                cells[pair] = {**cells.get(pair, {}), **pair_units}
                cells[shared_cell] = remaining
        if not cells[shared_cell]:
            del cells[shared_cell]


def _assign_waiting(cells: dict[Cell, dict[str, Unit]], unassigned: Collection[Unit], now: datetime) -> None:
    """Of those in no cell: as pairs; then by sender, by receiver, and all together. Who are too few wait."""
    for cell_of in (
        _pair_of,
        lambda unit: Cell(unit.handoff.sender, None),
        lambda unit: Cell(None, unit.handoff.receiver),
        lambda _: _ANY_PAIR,
    ):
        groups: defaultdict[Cell, list[Unit]] = defaultdict(list)
        for unit in unassigned:
            groups[cell_of(unit)].append(unit)
        unassigned = list[Unit]()
        for cell, group in groups.items():
            if _is_large_enough(group):
                cells[cell] = {**cells.get(cell, {}), **{unit.id: _observed_at(unit, now) for unit in group}}
            else:
                unassigned += group


def _pair_of(unit: Unit) -> Cell:
    return Cell(unit.handoff.sender, unit.handoff.receiver)


def _observed_at(unit: Unit, now: datetime) -> Unit:
    return unit._replace(handoff=unit.handoff._replace(until=now))


def select_handoffs(released: Iterable[ReleasedUnit], sender: str | None, receiver: str | None) -> list[Handoff]:
    """The hand-offs of whole cells that are all from this sender or all to this receiver; None: from or to anybody."""
    return [
        each.unit.handoff
        for each in released
        if sender in (None, each.cell.sender) and receiver in (None, each.cell.receiver)
    ]


def select_pair_handoffs(released: Iterable[ReleasedUnit], sender: str | None, receiver: str | None) -> list[Handoff]:
    """The same, of the cells of one pair alone."""
    return select_handoffs([each for each in released if None not in each.cell], sender, receiver)
