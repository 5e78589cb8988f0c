"""A record becomes an interaction: the pure heart of `pathline import`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from pathline.cli import times
from pathline.cli.errors import WrongMapping
from pathline.cli.event_id import EventIds
from pathline.cli.fields import PayloadFields, convert_column, set_path
from pathline.cli.identifier_column import IdentifierColumn
from pathline.cli.mapping_file import MappingFile
from pathline.cli.row_notices import RowNotices
from pathline.cli.sources.record import Record
from pathline.cloudevent import Attribute, CloudEvent
from pathline.errors import InvalidAttribute, InvalidData, MissingAttribute, Refused
from pathline.interaction import Interaction, accept
from pathline.pseudonym import Pseudonyms
from pathline.rows.no_value import is_tool_word
from pathline.rows.row_id import RowIds, row_time
from pathline.rows.service_code import MAX_CODE_CHARACTERS, make_code
from pathline.vocabulary import TYPES, ActivityRecorded, Payload

_MAX_CACHED_CASES: Final = 1024
"""Pseudonyms kept in memory: the rows of a case tend to follow each other."""

FieldReader = Callable[[Record], JsonValue]
"""The value of one field in this record; None where its column is blank. Raises Refused."""


@dataclass(frozen=True)
class RowMapping:
    """How the records of one source become interactions."""

    mapping_file: MappingFile
    case_column: IdentifierColumn
    time_column: str
    pseudonym_of: Callable[[str], str]
    parse_time: times.Reader
    ids: EventIds
    field_readers: Mapping[str, FieldReader]
    constants: Mapping[str, JsonValue]
    notices: RowNotices = field(default_factory=RowNotices)

    @classmethod
    def from_mapping_file(cls, mapping_file: MappingFile, pseudonyms: Pseudonyms) -> RowMapping:
        """What the mapping file describes. Raises WrongMapping where the contract of its type has no such field."""
        pseudonym_of = lru_cache(_MAX_CACHED_CASES)(lambda case: pseudonyms.subject(case, confirmed=True))
        model = PayloadFields(TYPES[mapping_file.type])
        field_readers, constants = (
            list(_field_readers(mapping_file, model, pseudonym_of)),
            list(_constants(mapping_file, model)),
        )
        _require_distinct([path for path, _ in (*field_readers, *constants)])
        _validate_constants(model.model, dict(constants))
        return cls(
            mapping_file=mapping_file,
            case_column=_identifier_column(mapping_file, mapping_file.case, "subject"),
            time_column=_require_column(mapping_file.time, "time"),
            pseudonym_of=pseudonym_of,
            parse_time=times.time_reader(mapping_file.time_format, mapping_file.timezone),
            ids=EventIds(
                pseudonyms.key,
                RowIds(pseudonyms.key, pseudonyms.org),
                mapping_file.type,
                mapping_file.id,
                mapping_file.id_prefix,
                mapping_file.id_per_case,
            ),
            field_readers=dict(field_readers),
            constants=dict(constants),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return self.mapping_file.columns

    def build_interaction(self, record: Record) -> Interaction[Payload]:
        """The interaction that the next record of the file tells of.

        Raises Refused, naming column and field, where it breaks the contract, and WrongMapping where every row would.
        """
        case = self.case_column.read(record)
        parsed_time = self._parse_column_time(record, self.time_column, "time")
        self.notices.observe(record.line, case, parsed_time.instant)
        attributes: dict[str, Attribute] = {
            "specversion": "1.0",
            # A row that is refused for what follows has its id all the same: mended, it does not move the others.
            "id": self.ids.make_id(record, case, row_time(parsed_time.instant, parsed_time.precision)),
            "source": self.mapping_file.source,
            "type": self.mapping_file.type,
            "subject": self.pseudonym_of(case),
            "time": parsed_time.text,
            "datacontenttype": "application/json",
        }
        if (sequence := record.fields.get(self.mapping_file.sequence or "", "").strip()) != "":
            attributes["sequence"] = sequence
        if self.mapping_file.recorded is not None and record.fields.get(self.mapping_file.recorded, "").strip():
            attributes["recordedtime"] = self._parse_column_time(
                record, self.mapping_file.recorded, "recordedtime"
            ).text
        return accept(CloudEvent(attributes, self._build_data(record, parsed_time.precision)))

    def skip(self, record: Record) -> None:
        """Counts a record that an earlier run has settled, so that those after it have the ids that they had."""
        with suppress(Refused):
            self.build_interaction(record)

    def _build_data(self, record: Record, precision: str | None) -> bytes:
        data: dict[str, Any] = {} if precision is None else {"precision": precision}
        for path, constant in self.constants.items():
            set_path(data, path.split("."), constant)
        for path, read_field in self.field_readers.items():
            if (value := read_field(record)) is not None:
                set_path(data, path.split("."), value)
        return to_json(data)

    def _require_text(self, record: Record, column: str, attribute: str) -> str:
        text = record.fields.get(column, "").strip()
        if not text:
            raise MissingAttribute(f"column '{column}' is blank", field=attribute)
        return text

    def _parse_column_time(self, record: Record, column: str, attribute: str) -> times.ParsedTime:
        try:
            return self.parse_time(self._require_text(record, column, attribute))
        except times.NaiveTime as naive:
            raise WrongMapping(f"line {record.line}: the time in column '{column}' {naive}") from None
        except ValueError as error:
            raise InvalidAttribute(f"column '{column}' {error}", field=attribute) from None


def _identifier_column(mapping_file: MappingFile, columns: tuple[str, ...], field: str) -> IdentifierColumn:
    if not columns:
        raise WrongMapping("--case is required: name the column")
    return IdentifierColumn(columns, field, mapping_file.case_value, mapping_file.no_value)


def _require_column(column: str | None, flag: str) -> str:
    if column is None:
        raise WrongMapping(f"--{flag} is required: name the column")
    return column


def _require_distinct(paths: Sequence[str]) -> None:
    """Raises WrongMapping where a field is filled twice, or both as a whole and in part."""
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                raise WrongMapping(f"the field {path} is filled twice; keep one of its columns or values")


def _validate_constants(model: type[Payload], constants: Mapping[str, JsonValue]) -> None:
    """Raises WrongMapping where the contract does not allow a constant; every row would be refused for it."""
    data: dict[str, Any] = {}
    for path, constant in constants.items():
        set_path(data, path.split("."), constant)
    try:
        model.model_validate_json(to_json(data))
    except ValidationError as caught:
        for error in caught.errors(include_url=False, include_input=False):
            failing_path = ".".join(map(str, error["loc"]))
            for path in constants:
                if f"{failing_path}.".startswith(f"{path}."):
                    raise WrongMapping(f"the value that is set for {path}: {error['msg']}") from None


def _field_readers(
    mapping_file: MappingFile, model: PayloadFields, pseudonym_of: Callable[[str], str]
) -> Iterator[tuple[str, FieldReader]]:
    if mapping_file.activity is not None:
        if mapping_file.type != ActivityRecorded.type:
            raise WrongMapping("--activity is for activity.recorded; other types say in their own fields what happened")
        yield "activity", _word_reader(mapping_file, "activity", mapping_file.activity)
    if mapping_file.service_column is not None:
        yield "service", _code_reader(mapping_file, "service", mapping_file.service_column)
    if mapping_file.channel_column is not None:
        yield "channel", _channel_reader(mapping_file, mapping_file.channel_column)
    for path, column in mapping_file.fields.items():
        if path.rpartition(".")[2] == "subject":
            model.converter_for(path)
            yield path, _pseudonym_reader(_identifier_column(mapping_file, (column,), f"data.{path}"), pseudonym_of)
        else:
            yield path, _typed_reader(mapping_file, model, path, column)


def _constants(mapping_file: MappingFile, model: PayloadFields) -> Iterator[tuple[str, JsonValue]]:
    if mapping_file.service is not None:
        yield "service", mapping_file.service
    if mapping_file.channel is not None:
        yield "channel", mapping_file.channel
    for path, value in mapping_file.set.items():
        convert = model.converter_for(path)
        try:
            constant = convert(value) if isinstance(value, str) else value
        except ValueError as error:
            raise WrongMapping(f"--set {path} {error}") from None
        yield from _flatten(path, constant)


def _flatten(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """An object by its parts, so that columns can fill others of them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(f"{path}.{name}", inner)
    else:
        yield path, value


def _text_reader(mapping_file: MappingFile, path: str, column: str) -> FieldReader:
    """The column's text, in the contract's words where the file translates it; blank, before or after, is None."""
    translations = mapping_file.values.get(path, {})

    def read_text(record: Record) -> str | None:
        text = record.fields.get(column, "").strip()
        return translations.get(text, text).strip() or None

    return read_text


def _typed_reader(mapping_file: MappingFile, model: PayloadFields, path: str, column: str) -> FieldReader:
    read_text, convert = _text_reader(mapping_file, path, column), model.converter_for(path)

    def read_typed(record: Record) -> JsonValue:
        value = read_text(record)
        return convert_column(convert, path, column, value) if isinstance(value, str) else None

    return read_typed


def _word_reader(mapping_file: MappingFile, path: str, column: str) -> FieldReader:
    """The column's text; what a tool writes where nothing is, such as `NaN` or `?`, is None."""
    read_text = _text_reader(mapping_file, path, column)

    def read_word(record: Record) -> str | None:
        value = read_text(record)
        return value if isinstance(value, str) and not is_tool_word(value) else None

    return read_word


def _channel_reader(mapping_file: MappingFile, column: str) -> FieldReader:
    """The channel: as the contract has it, or as people write it, such as `In person`."""
    read_word = _word_reader(mapping_file, "channel", column)

    def read_channel(record: Record) -> str | None:
        value = read_word(record)
        return (make_code(value) or value) if isinstance(value, str) else None

    return read_channel


def _code_reader(mapping_file: MappingFile, path: str, column: str) -> FieldReader:
    read_word = _word_reader(mapping_file, path, column)

    def read_code(record: Record) -> str | None:
        value = read_word(record)
        if not isinstance(value, str):
            return None
        if not (code := make_code(value)):
            raise InvalidData(
                f"column '{column}' has a letter that no code can keep, or over {MAX_CODE_CHARACTERS} of them. "
                "Translate it under [values] of a mapping file",
                field=f"data.{path}",
            )
        return code

    return read_code


def _pseudonym_reader(column: IdentifierColumn, pseudonym_of: Callable[[str], str]) -> FieldReader:
    """The pseudonym of another person whom the column names: her identifier stays here too."""

    def read_pseudonym(record: Record) -> str | None:
        return None if column.is_blank(record) else pseudonym_of(column.read(record))

    return read_pseudonym
