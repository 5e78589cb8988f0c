"""CSV with any delimiter, as records. Quoted fields may hold delimiters, quotes and line breaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import BinaryIO, Final, Protocol

from pathline.cli.errors import DamagedSource, WrongMapping
from pathline.cli.sources.record import Records, Unreadable, build_record
from pathline.errors import Malformed

DELIMITERS: Final = (",", ";", "\t", "|")
"""What is tried when no delimiter is given."""

MAX_FIELD_CHARACTERS: Final = 1024 * 1024
"""Longest field: beyond it a quotation mark was surely never closed."""

_HEADER_LINES: Final = 100
"""Most lines that a header may span while the delimiter is looked for."""


class Rows(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        ...

    def __next__(self) -> list[str]: ...


def csv_records(
    stream: BinaryIO, columns: Sequence[str], *, delimiter: str | None = None, encoding: str = "utf-8-sig"
) -> Records:
    """One record a row, by the names in the first row, which must hold every one of `columns` once.

    A row that does not fit the header, or whose quotes do not match, is Unreadable; the next row is read again.
    Raises WrongMapping when the header does not have the columns.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
    try:
        found_delimiter, buffered = _detect_delimiter(text, columns, (delimiter,) if delimiter else DELIMITERS)
        reader = csv.reader(chain(buffered, text), delimiter=found_delimiter, strict=True)
        header = next(reader, [])
        if "\0" in "".join(header):
            raise DamagedSource("the file is UTF-16 or no text; say --encoding utf-16, or save it as CSV in UTF-8")
        _require_columns(header, columns)
        yield from _rows(reader, header)
    finally:
        with suppress(ValueError):  # the stream is the caller's, and may be closed already
            text.detach()


def _rows(reader: Rows, header: list[str]) -> Records:
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Unreadable(line, Malformed(_describe_error(line, reader.line_num, error)))
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield Unreadable(line, Malformed(f"has {len(row)} columns and the header has {len(header)}"))
            continue
        yield build_record(line, header, row)


def _describe_error(first: int, last: int, error: csv.Error) -> str:
    location = f"lines {first} to {last}: " if last > first else ""
    cause = "a quotation mark is not closed" if "quote" not in str(error) else "text follows a closing quotation mark"
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
