"""A quotation mark that is open until a later one seems to close it: the cell then holds other rows. Pure."""

from __future__ import annotations


def swallows_rows(cell: str, place: int, columns: int, delimiter: str) -> bool:
    """Whether this cell, in the column at `place` from 0, holds the rest of its row and further rows of the table."""
    if "\n" not in cell or columns < 2:
        return False
    first, *between, last = (line.count(delimiter) for line in cell.split("\n"))
    return first == columns - 1 - place and last == place and all(count == columns - 1 for count in between)
