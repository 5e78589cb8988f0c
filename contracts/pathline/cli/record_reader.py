"""From an open source to one outcome a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pathline.cli.errors import DamagedSource, WrongMapping
from pathline.cli.formats import Format
from pathline.cli.record_result import Outcome, Ready, Reject
from pathline.cli.sources.csv import csv_records
from pathline.cli.sources.json_texts import json_texts
from pathline.cli.sources.lines import MAX_LINE_BYTES
from pathline.cli.sources.ndjson import ndjson_records
from pathline.cli.sources.record import Record, Records
from pathline.cli.sources.source_file import SourceFile, translate_read_errors
from pathline.cli.sources.xes import xes_records
from pathline.codec import json_format
from pathline.errors import Refused, UnknownType
from pathline.interaction import Interaction, accept
from pathline.vocabulary import Payload

_PATHLINE_TYPES = "org.pathline."

RecordReader = Callable[[SourceFile, int], Iterator[Outcome]]
"""The outcomes of an open source, after so many records of it."""


class Mapping(Protocol):
    """Makes an interaction of a record."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        ...

    def build_interaction(self, record: Record) -> Interaction[Payload]:
        """The interaction that the next record tells of. Raises Refused where it tells of none."""
        ...

    def skip(self, record: Record) -> None:
        """Counts a record that an earlier run has settled."""
        ...


def mapped_reader(mapping: Mapping, kind: Format, *, delimiter: str | None, encoding: str) -> RecordReader:
    """Reads records of this format through this mapping."""

    def read(source: SourceFile, skip: int) -> Iterator[Outcome]:
        def records() -> Records:
            if kind == "xes":
                return xes_records(source.stream)
            if kind == "ndjson":
                return ndjson_records(source.stream)
            return csv_records(source.stream, mapping.columns, delimiter=delimiter, encoding=encoding)

        return _translate_errors(_read_mapped(records(), mapping, skip))

    return read


def read_events(source: SourceFile, skip: int) -> Iterator[Outcome]:
    """Reads CloudEvents that are ready to send."""
    return _translate_errors(_read_ready(source, skip))


def _read_mapped(records: Records, mapping: Mapping, skip: int) -> Iterator[Outcome]:
    for number, record in enumerate(records, 1):
        if number <= skip:
            if isinstance(record, Record):
                mapping.skip(record)
            continue
        if not isinstance(record, Record):
            yield Reject.from_refusal(record.line, record.refusal)
            continue
        try:
            yield Ready(record.line, mapping.build_interaction(record).event)
        except Refused as error:
            yield Reject.from_refusal(record.line, error)


def _read_ready(source: SourceFile, skip: int) -> Iterator[Outcome]:
    for number, (line, raw) in enumerate(json_texts(source.stream), 1):
        if number > skip:
            yield (
                Reject(line, "too-large", None, f"over {MAX_LINE_BYTES} bytes")
                if raw is None
                else _decode_event(line, raw)
            )


def _decode_event(line: int, raw: bytes) -> Outcome:
    try:
        event = json_format.decode(raw)
        accept(event)
    except UnknownType as unknown:
        # The envelope was found good. Only the gateway knows the types that organisations registered themselves.
        is_foreign_type = not str(event.attributes["type"]).startswith(_PATHLINE_TYPES)
        return Ready(line, event) if is_foreign_type else Reject.from_refusal(line, unknown)
    except Refused as error:
        return Reject.from_refusal(line, error)
    return Ready(line, event)


def _translate_errors(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes; what goes wrong below them is said in the words of this command line."""
    try:
        with translate_read_errors():
            yield from outcomes
    except LookupError:
        raise WrongMapping("--encoding: no such text encoding") from None
    except UnicodeDecodeError:
        raise DamagedSource("the file is no text in this encoding; name it with --encoding") from None
