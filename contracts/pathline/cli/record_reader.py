"""From an open source to one outcome a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pathline.cli.errors import DamagedSource, WrongMapping
from pathline.cli.event_id import file_mark
from pathline.cli.formats import Format
from pathline.cli.record_result import Outcome, Ready, Reject
from pathline.cli.sources.csv import csv_records
from pathline.cli.sources.json_texts import json_texts
from pathline.cli.sources.lines import MAX_LINE_BYTES
from pathline.cli.sources.ndjson import ndjson_records
from pathline.cli.sources.opened import Opened, readable
from pathline.cli.sources.record import Record, Records
from pathline.cli.sources.xes import xes_records
from pathline.codec import json_format
from pathline.errors import Refused, UnknownType
from pathline.interaction import Interaction, accept
from pathline.vocabulary import Payload

_OURS = "org.pathline."

Read = Callable[[Opened, int], Iterator[Outcome]]
"""The outcomes of an open source, after so many records of it."""


class Mapping(Protocol):
    """Makes an interaction of a record."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        ...

    def interaction(self, file: str, number: int, record: Record) -> Interaction[Payload]:
        """The interaction that the `number`-th record tells of. Raises Refused where it tells of none."""
        ...


def mapped(mapping: Mapping, key: bytes, kind: Format, *, delimiter: str | None, encoding: str) -> Read:
    """Reads records of this format through this mapping."""

    def read(source: Opened, skip: int) -> Iterator[Outcome]:
        def records() -> Records:
            if kind == "xes":
                return xes_records(source.stream)
            if kind == "ndjson":
                return ndjson_records(source.stream)
            return csv_records(source.stream, mapping.columns, delimiter=delimiter, encoding=encoding)

        return _whole(_mapped(records(), mapping, key, skip))

    return read


def ready(source: Opened, skip: int) -> Iterator[Outcome]:
    """Reads CloudEvents that are ready to send."""
    return _whole(_ready(source, skip))


def _mapped(records: Records, mapping: Mapping, key: bytes, skip: int) -> Iterator[Outcome]:
    file = ""
    for number, record in enumerate(records, 1):
        if not file and isinstance(record, Record):
            file = file_mark(key, record)
        if number <= skip:
            continue
        if not isinstance(record, Record):
            yield Reject.of(record.line, record.refused)
            continue
        try:
            yield Ready(record.line, mapping.interaction(file, number, record).event)
        except Refused as refused:
            yield Reject.of(record.line, refused)


def _ready(source: Opened, skip: int) -> Iterator[Outcome]:
    for number, (line, raw) in enumerate(json_texts(source.stream), 1):
        if number > skip:
            yield Reject(line, "too-large", None, f"over {MAX_LINE_BYTES} bytes") if raw is None else _event(line, raw)


def _event(line: int, raw: bytes) -> Outcome:
    try:
        event = json_format.decode(raw)
        accept(event)
    except UnknownType as unknown:
        # The envelope was found good. Only the gateway knows the types that organisations registered themselves.
        own = not str(event.attributes["type"]).startswith(_OURS)
        return Ready(line, event) if own else Reject.of(line, unknown)
    except Refused as refused:
        return Reject.of(line, refused)
    return Ready(line, event)


def _whole(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes; what goes wrong below them is said in the words of this command line."""
    try:
        with readable():
            yield from outcomes
    except LookupError:
        raise WrongMapping("--encoding: no such text encoding") from None
    except UnicodeDecodeError:
        raise DamagedSource("the file is no text in this encoding; name it with --encoding") from None
