"""CSV with any delimiter, as records. Quoted fields may hold delimiters, quotes and line breaks.

The desk's `sheet_reader.js` reads the same: `tests/contracts/rows/cases/tables.json` holds the two together.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import BinaryIO, Final

from pathline.cli.errors import DamagedSource, WrongMapping
from pathline.cli.sources.record import Records, Unreadable, build_record
from pathline.errors import Malformed
from pathline.rows.open_quote import swallows_rows

DELIMITERS: Final = (",", ";", "\t", "|")
"""What is tried when no delimiter is given."""

MAX_FIELD_CHARACTERS: Final = 1024 * 1024
"""Longest field: beyond it a quotation mark was surely never closed."""

_HEADER_LINES: Final = 100
"""Most lines that a header may span while the delimiter is looked for."""


class _Lines:
    """The lines of a file; those of a row that cannot be read are read again, but for the first."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self.line = 0
        """Lines read so far."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._row.append(line)
        self.line += 1
        return line

    def begin_row(self) -> None:
        """The lines that were read belong to rows that are done."""
        self._row.clear()

    def reread(self) -> None:
        """Goes back to the second line of the row that was begun."""
        _, *again = self._row
        self.line -= len(again)
        self._again.extendleft(reversed(again))
        self._row.clear()


def csv_records(
    stream: BinaryIO, columns: Sequence[str], *, delimiter: str | None = None, encoding: str = "utf-8-sig"
) -> Records:
    """One record a row, by the names in the first row, which must hold every one of `columns` once.

    A row that does not fit the header, or whose quotes do not match, is Unreadable; the next row is read again.
    Raises WrongMapping when the header does not have the columns.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    # Every line break is \n, within a cell as well: the same row is the same event on every system.
    text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline=None)
    try:
        found_delimiter, buffered = _detect_delimiter(text, columns, (delimiter,) if delimiter else DELIMITERS)
        lines = _Lines(chain(buffered, text))
        _, header = _read_header(lines, found_delimiter)
        if "\0" in "".join(header):
            raise DamagedSource("the file is UTF-16 or no text; say --encoding utf-16, or save it as CSV in UTF-8")
        _require_columns(header, columns)
        yield from _rows(lines, header, found_delimiter)
    finally:
        with suppress(ValueError):  # the stream is the caller's, and may be closed already
            text.detach()


def _read_header(lines: _Lines, delimiter: str) -> tuple[int, list[str]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return 1, next(reader, [])
    except csv.Error:
        raise WrongMapping("the first row has a quotation mark that is not closed; mend its column names") from None


def _rows(lines: _Lines, header: list[str], delimiter: str) -> Records:
    """Each row, read by itself: after one whose quotes do not match, the line below its first is the next row."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        line = lines.line + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Unreadable(line, Malformed(_describe_error(line, lines.line, error)))
            lines.reread()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        if not "".join(row).strip():
            continue
        if len(row) != len(header):
            yield Unreadable(line, Malformed(f"has {len(row)} columns and the header has {len(header)}"))
        elif any(swallows_rows(cell, place, len(row), delimiter) for place, cell in enumerate(row)):
            yield Unreadable(line, Malformed(_SWALLOWED))
            lines.reread()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        else:
            yield build_record(line, header, row)


_SWALLOWED: Final = (
    "a quotation mark is not closed, so that a cell holds the row below; write a quotation mark inside a field twice"
)


def _describe_error(first: int, last: int, error: csv.Error) -> str:
    location = f"lines {first} to {last}: " if last > first else ""
    cause = (
        "text follows a closing quotation mark" if "expected after" in str(error) else "a quotation mark is not closed"
    )
    return f"{location}{cause}; write a quotation mark inside a field twice"


def _detect_delimiter(text: Iterator[str], columns: Sequence[str], candidates: Sequence[str]) -> tuple[str, list[str]]:
    """The delimiter whose header holds most of the columns, then most names; and the lines read to find it."""
    buffered: list[str] = []
    headers: dict[str, list[str]] = {}
    for candidate in candidates:
        lines = chain(buffered, _buffer_lines(text, buffered))
        headers[candidate] = []
        with suppress(csv.Error, StopIteration):
            headers[candidate] = next(csv.reader(lines, delimiter=candidate, strict=True))
    return max(headers, key=lambda d: (len({*columns} & {*headers[d]}), len(headers[d]))), buffered


def _buffer_lines(text: Iterator[str], buffered: list[str]) -> Iterator[str]:
    while len(buffered) < _HEADER_LINES and (line := next(text, None)) is not None:
        buffered.append(line)
        yield line


def _require_columns(header: list[str], columns: Sequence[str]) -> None:
    if not header:
        raise WrongMapping("the file has no first row with column names")
    if len(set(header)) < len(header):
        raise WrongMapping(f"column {_first_duplicate(header)} of the first row repeats an earlier name; rename it")
    for column in columns:
        if column not in header:
            raise WrongMapping(_missing_column_message(header, column))


def _first_duplicate(header: list[str]) -> int:
    return next(n for n, name in enumerate(header, 1) if name in header[: n - 1])


def _missing_column_message(header: list[str], column: str) -> str:
    """Says which name was meant only where it is the asked one in other letters: a first row may be a person's."""
    similar = [name for name in header if _normalize_name(name) == _normalize_name(column)]
    hint = f"did you mean '{similar[0]}'?" if similar else "see its first line, and --delimiter"
    return f"the first row has no column '{column}' among its {len(header)}; {hint}"


def _normalize_name(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
