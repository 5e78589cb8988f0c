"""A record becomes an interaction: the pure heart of `pathline import`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from pathline.cli import times
from pathline.cli.errors import WrongMapping
from pathline.cli.event_id import EventIds
from pathline.cli.fields import PayloadFields, converted, put, slug
from pathline.cli.mapping_file import MappingFile
from pathline.cli.sources.record import Record
from pathline.cloudevent import Attribute, CloudEvent
from pathline.errors import InvalidAttribute, InvalidData, MissingAttribute
from pathline.interaction import Interaction, accept
from pathline.pseudonym import Pseudonyms
from pathline.vocabulary import TYPES, ActivityRecorded, Payload

_REMEMBERED_CASES: Final = 1024
"""Pseudonyms kept at hand: the rows of a case tend to follow each other."""

Pick = Callable[[Record], JsonValue]
"""The value of one field in this record; None where its column is blank. Raises Refused."""


@dataclass(frozen=True)
class RowMapping:
    """How the records of one source become interactions."""

    plan: MappingFile
    case: str
    time: str
    subject: Callable[[str], str]
    moment: times.Reader
    ids: EventIds
    picks: Mapping[str, Pick]
    constants: Mapping[str, JsonValue]

    @classmethod
    def of(cls, plan: MappingFile, pseudonyms: Pseudonyms) -> RowMapping:
        """The mapping that the plan describes. Raises WrongMapping where the contract of its type has no such field."""
        subject = lru_cache(_REMEMBERED_CASES)(pseudonyms.subject)
        model = PayloadFields(TYPES[plan.type])
        picks, constants = list(_picks(plan, model, subject)), list(_constants(plan, model))
        _distinct([path for path, _ in (*picks, *constants)])
        _allowed(model.model, dict(constants))
        return cls(
            plan=plan,
            case=_required(plan.case, "case"),
            time=_required(plan.time, "time"),
            subject=subject,
            moment=times.reader(plan.time_format, plan.timezone),
            ids=EventIds(pseudonyms.key, plan.id, plan.id_prefix, plan.id_per_case),
            picks=dict(picks),
            constants=dict(constants),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return self.plan.columns

    def interaction(self, file: str, number: int, record: Record) -> Interaction[Payload]:
        """The interaction that the `number`-th record of this file tells of.

        Raises Refused, naming column and field, where it breaks the contract, and WrongMapping where every row would.
        """
        case = self._filled(record, self.case, "subject")
        moment = self._moment(record, self.time, "time")
        attributes: dict[str, Attribute] = {
            "specversion": "1.0",
            "id": self.ids.of(file, number, record, case),
            "source": self.plan.source,
            "type": self.plan.type,
            "subject": self.subject(case),
            "time": moment.text,
            "datacontenttype": "application/json",
        }
        if (sequence := record.fields.get(self.plan.sequence or "", "").strip()) != "":
            attributes["sequence"] = sequence
        if self.plan.recorded is not None and record.fields.get(self.plan.recorded, "").strip():
            attributes["recordedtime"] = self._moment(record, self.plan.recorded, "recordedtime").text
        return accept(CloudEvent(attributes, self._data(record, by_day=moment.day)))

    def _data(self, record: Record, *, by_day: bool) -> bytes:
        data: dict[str, Any] = {"precision": "day"} if by_day else {}
        for path, constant in self.constants.items():
            put(data, path.split("."), constant)
        for path, pick in self.picks.items():
            if (value := pick(record)) is not None:
                put(data, path.split("."), value)
        return to_json(data)

    def _filled(self, record: Record, column: str, attribute: str) -> str:
        text = record.fields.get(column, "").strip()
        if not text:
            raise MissingAttribute(f"column '{column}' is blank", field=attribute)
        return text

    def _moment(self, record: Record, column: str, attribute: str) -> times.ParsedTime:
        try:
            return self.moment(self._filled(record, column, attribute))
        except times.NaiveTime as naive:
            raise WrongMapping(f"line {record.line}: the time in column '{column}' {naive}") from None
        except ValueError as wrong:
            raise InvalidAttribute(f"column '{column}' {wrong}", field=attribute) from None


def _required(column: str | None, flag: str) -> str:
    if column is None:
        raise WrongMapping(f"--{flag} is required: name the column")
    return column


def _distinct(paths: Sequence[str]) -> None:
    """Raises WrongMapping where a field is filled twice, or both as a whole and in part."""
    for place, path in enumerate(paths):
        for other in paths[:place]:
            if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                raise WrongMapping(f"the field {path} is filled twice; keep one of its columns or values")


def _allowed(model: type[Payload], constants: Mapping[str, JsonValue]) -> None:
    """Raises WrongMapping where the contract does not allow a constant; every row would be refused for it."""
    data: dict[str, Any] = {}
    for path, constant in constants.items():
        put(data, path.split("."), constant)
    try:
        model.model_validate_json(to_json(data))
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False, include_input=False):
            at = ".".join(map(str, error["loc"]))
            for path in constants:
                if f"{at}.".startswith(f"{path}."):
                    raise WrongMapping(f"the value that is set for {path}: {error['msg']}") from None


def _picks(plan: MappingFile, model: PayloadFields, subject: Callable[[str], str]) -> Iterator[tuple[str, Pick]]:
    if plan.activity is not None:
        if plan.type != ActivityRecorded.type:
            raise WrongMapping("--activity is for activity.recorded; other types say in their own fields what happened")
        yield "activity", _text(plan, "activity", plan.activity)
    if plan.service_column is not None:
        yield "service", _code(plan, "service", plan.service_column)
    if plan.channel_column is not None:
        yield "channel", _text(plan, "channel", plan.channel_column)
    for path, column in plan.fields.items():
        if path.rpartition(".")[2] == "subject":
            model.convert(path)
            yield path, _person(column, subject)
        else:
            yield path, _typed(plan, model, path, column)


def _constants(plan: MappingFile, model: PayloadFields) -> Iterator[tuple[str, JsonValue]]:
    if plan.service is not None:
        yield "service", plan.service
    if plan.channel is not None:
        yield "channel", plan.channel
    for path, value in plan.set.items():
        convert = model.convert(path)
        try:
            constant = convert(value) if isinstance(value, str) else value
        except ValueError as wrong:
            raise WrongMapping(f"--set {path} {wrong}") from None
        yield from _leaves(path, constant)


def _leaves(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """An object by its parts, so that columns can fill others of them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def _text(plan: MappingFile, path: str, column: str) -> Pick:
    """The column's text, in the contract's words where the plan translates it; blank, before or after, is None."""
    words = plan.values.get(path, {})

    def pick(record: Record) -> str | None:
        text = record.fields.get(column, "")
        said = words.get(text.strip(), text)
        return said if said.strip() else None

    return pick


def _typed(plan: MappingFile, model: PayloadFields, path: str, column: str) -> Pick:
    text, convert = _text(plan, path, column), model.convert(path)

    def pick(record: Record) -> JsonValue:
        value = text(record)
        return converted(convert, path, column, value) if isinstance(value, str) else None

    return pick


def _code(plan: MappingFile, path: str, column: str) -> Pick:
    text = _text(plan, path, column)

    def pick(record: Record) -> str | None:
        value = text(record)
        # "?" and "-" are how registers write that they do not know.
        if not isinstance(value, str) or not any(map(str.isalnum, value)):
            return None
        if not (code := slug(value)):
            raise InvalidData(f"column '{column}' has no letter that a code could keep", field=f"data.{path}")
        return code

    return pick


def _person(column: str, subject: Callable[[str], str]) -> Pick:
    """The pseudonym of another person whom the column names: her identifier stays here too."""

    def pick(record: Record) -> str | None:
        text = record.fields.get(column, "").strip()
        return subject(text) if text else None

    return pick
