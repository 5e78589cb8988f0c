"""An interaction: a CloudEvent that keeps its contract. The same rules run at the publisher and at the gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Final, Generic, TypeVar, get_args
from uuid import uuid4

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from pathline import instant, personal_numbers
from pathline.cloudevent import Attribute, CloudEvent, require_json
from pathline.codec.unique_names import has_repeated_name
from pathline.errors import InvalidAttribute, InvalidData, MissingAttribute, PersonalNumber, UnknownType
from pathline.explain import explain_error
from pathline.vocabulary import TYPES, IdentityRetracted, InteractionCorrected, InteractionVoided, Payload
from pathline.vocabulary.error_advice import WithAdvice

P = TypeVar("P", bound=Payload)

Catalogue = Mapping[str, type[Payload]]
"""Payload models by event type."""

REQUIRED_ATTRIBUTES: Final = ("id", "source", "specversion", "type", "subject", "time")
"""Context attributes that every interaction has, beside its data."""

MAX_ID_CHARACTERS: Final = 200
"""Longest event id; source and id together are the identity of an event and stand in an index."""

_SOURCE_PATTERN = re.compile(r"urn:pathline:([a-z0-9]+(?:-[a-z0-9]+)*):[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# The gateway's door writes every organisation's events to pathline.in.door-<number>.
_RESERVED_ORG = re.compile(r"door-[0-9]+", re.ASCII)
SUBJECT_REGEX: Final = re.compile(r"v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]", re.ASCII)
"""What a pseudonym looks like."""
_MAX_ORG_CHARACTERS: Final = 64
RESERVED_ATTRIBUTES: Final = frozenset(("number", "pathway", "series", "withheld", "forgotten", "first"))
"""What the gateway says of an event where it hands it on: no publisher says it."""
_OPTIONAL_INSTANTS = ("recordedtime", "expirytime")
_TEXT_ATTRIBUTES = frozenset(
    (
        *REQUIRED_ATTRIBUTES,
        *_OPTIONAL_INSTANTS,
        "sequence",
        "datacontenttype",
        "dataschema",
        "traceparent",
        "tracestate",
    )
)
# Counters, instants and trace ids are numbers of their own; they name nobody. A source is checked before.
_NOT_PERSONAL_ATTRIBUTES = _TEXT_ATTRIBUTES - {"id", "subject"}


@dataclass(frozen=True)
class Interaction(Generic[P]):
    """What happened between a citizen and a service, as one organisation published it.

    `source` and `id` are its identity. `time` is when it happened, in the offset it was sent with.
    """

    source: str
    id: str
    subject: str
    time: datetime
    payload: P
    event: CloudEvent
    """The event as it travels: every attribute, unknown extensions included, and the data as sent."""

    @property
    def type(self) -> str:
        """The event type, such as `org.pathline.need.expressed.v1`."""
        return str(self.event.attributes["type"])

    @cached_property
    def org(self) -> str:
        """The code of the organisation that published it."""
        return organisation_of(self.source)

    @property
    def recordedtime(self) -> datetime | None:
        """When the publisher wrote it down."""
        text = self.event.attributes.get("recordedtime")
        return instant.parse(text) if isinstance(text, str) else None

    @property
    def sequence(self) -> str | None:
        """The publisher's own order of events with equal time; compared as text, absent first."""
        text = self.event.attributes.get("sequence")
        return text if isinstance(text, str) else None


@lru_cache(maxsize=1024)  # of names that are right, and so short; a refusal is not kept
def organisation_of(source: str) -> str:
    """The organisation in `urn:pathline:<org>:<system>`. Raises InvalidAttribute when `source` is no such name."""
    match = _SOURCE_PATTERN.fullmatch(source)
    if match is None or len(match[1]) > _MAX_ORG_CHARACTERS:
        raise InvalidAttribute(
            "must be urn:pathline:<organisation>:<system>, such as urn:pathline:food-bank:form", field="source"
        )
    if _RESERVED_ORG.fullmatch(match[1]):
        raise InvalidAttribute(
            "no organisation may be called door-<number>: the gateway's own topics are", field="source"
        )
    return match[1]


def interaction(
    payload: P,
    *,
    source: str,
    subject: str,
    time: datetime,
    id: str | None = None,
    **extensions: Attribute | datetime | None,
) -> Interaction[P]:
    """A new interaction with this payload.

    `id` is random unless given; give your own record's id, so that publishing it again changes nothing. `extensions`
    are further context attributes, such as `recordedtime`, `sequence`, `causationid`.
    Raises Refused as the gateway would.
    """
    attributes: dict[str, Attribute] = {
        "specversion": "1.0",
        "id": str(uuid4()) if id is None else id,
        "source": source,
        "type": payload.type,
        "subject": subject,
        "time": _format_time(time),
        "datacontenttype": "application/json",
    }
    attributes |= {name: _to_attribute(value) for name, value in extensions.items() if value is not None}
    event = CloudEvent(attributes, payload.model_dump_json(exclude_none=True).encode())
    require_json(str(attributes["datacontenttype"]))
    accept(event, {payload.type: type(payload)})
    return Interaction(source, str(attributes["id"]), subject, time, payload, event)


def accept(event: CloudEvent, catalogue: Catalogue = TYPES) -> Interaction[Payload]:
    """The event as an interaction, when it keeps the contract of its type.

    Raises Refused, naming the attribute or field and what to do, without repeating its value.
    """
    attributes = event.attributes
    for name in REQUIRED_ATTRIBUTES:
        if attributes.get(name) in (None, ""):
            raise MissingAttribute("is required", field=name)
    text: Mapping[str, str] = {name: value for name, value in attributes.items() if isinstance(value, str)}
    if len(text) < len(attributes):
        _require_text(attributes)
    if not RESERVED_ATTRIBUTES.isdisjoint(attributes):
        raise InvalidAttribute(
            "is what the gateway says of an event that it hands on; give the attribute another name",
            field=min(RESERVED_ATTRIBUTES & attributes.keys()),
        )
    org = _check_identity(text)
    _refuse_personal_numbers(text)
    time = _parse_instant("time", text["time"])
    for name in _OPTIONAL_INSTANTS:
        if name in text:
            _parse_instant(name, text[name])
    payload = _parse_payload(event, _find_model(text["type"], catalogue))
    check_handoff(payload, org)
    check_payload_ids(payload)
    _check_target(payload)
    return Interaction(text["source"], text["id"], text["subject"], time, payload, event)


def _require_text(attributes: Mapping[str, Attribute]) -> None:
    for name in _TEXT_ATTRIBUTES:
        if not isinstance(attributes.get(name, ""), str):
            raise InvalidAttribute("must be text", field=name)


def _check_identity(text: Mapping[str, str]) -> str:
    if text["specversion"] != "1.0":
        raise InvalidAttribute("must be 1.0", field="specversion")
    if len(text["id"]) > MAX_ID_CHARACTERS:
        raise InvalidAttribute(f"must be at most {MAX_ID_CHARACTERS} characters", field="id")
    return organisation_of(text["source"])


def _refuse_personal_numbers(text: Mapping[str, str]) -> None:
    # A pseudonym, and a source as `organisation_of` wants it, are no personal number whatever their letters.
    is_pseudonym = SUBJECT_REGEX.fullmatch(text["subject"]) is not None
    for name, value in text.items():
        if name in _NOT_PERSONAL_ATTRIBUTES or (name == "subject" and is_pseudonym):
            continue
        if kind := personal_numbers.classify_number(value):
            raise PersonalNumber(
                f"looks like {kind}; send a pseudonym as subject and a prefixed record id (such as case-1) as id",
                field=name,
            )
    if not is_pseudonym:
        raise InvalidAttribute(
            "must be a pseudonym (v1. and 22 characters); pathline.Pseudonyms makes them", field="subject"
        )


def _parse_instant(name: str, text: str) -> datetime:
    try:
        return instant.parse(text)
    except ValueError as error:
        raise InvalidAttribute(str(error), field=name) from None


def _find_model(type_name: str, catalogue: Catalogue) -> type[Payload]:
    model = catalogue.get(type_name)
    if model is None:
        raise UnknownType("no contract is registered for this type; see the vocabulary", field="type")
    return model


def _parse_payload(event: CloudEvent, model: type[Payload]) -> Payload:
    if event.data is None:
        raise InvalidData("is required", field="data")
    try:
        payload = model.model_validate_json(event.data)
    except ValidationError as error:
        field, detail = explain_error(error, model)
        raise InvalidData(detail, field=field) from None
    if has_repeated_name(event.data):
        raise InvalidData("names a field twice, and two readers would read two values; name it once", field="data")
    return payload


def check_handoff(payload: Payload, org: str) -> None:
    """An offer's hand-off has an id of the organisation that offers. Raises InvalidData."""
    if (
        payload.noun == "handoff"
        and payload.verb == "offered"
        and payload.handoff
        and not payload.handoff.startswith(f"{org}:")
    ):
        raise InvalidData(
            "is made by the organisation that offers: <your organisation>:<your own id>", field="data.handoff"
        )


def check_payload_ids(payload: Payload) -> None:
    """No id in the data is somebody's personal number. Raises PersonalNumber."""
    for name in _id_fields(type(payload)):
        value = getattr(payload, name)
        if isinstance(value, str) and (kind := personal_numbers.classify_number(value)):
            raise PersonalNumber(f"looks like {kind}; send a prefixed id (such as case-1)", field=f"data.{name}")


@lru_cache
def _id_fields(model: type[Payload]) -> tuple[str, ...]:
    """The fields of a type that hold an id which its publisher made."""
    return tuple(name for name, field in model.model_fields.items() if _is_id(field))


def _is_id(field: FieldInfo) -> bool:
    advice = [each for each in field.metadata if isinstance(each, WithAdvice)]
    for part in get_args(field.annotation):
        advice += [each for each in getattr(part, "__metadata__", ()) if isinstance(each, WithAdvice)]
    return any(each.reason == "identifier" for each in advice)


def _check_target(payload: Payload) -> None:
    """What evidence is about must be named as an event is."""
    if payload.noun not in ("identity", "interaction"):
        return
    field, source = "data.source", None
    if isinstance(payload, IdentityRetracted):
        field, source = "data.evidence.source", payload.evidence.source
    elif isinstance(payload, InteractionVoided | InteractionCorrected):
        source = payload.source
    try:
        if source is not None:
            organisation_of(source)
    except InvalidAttribute as error:
        raise InvalidData(error.detail, field=field) from None


def _format_time(time: datetime) -> str:
    if time.tzinfo is None:
        raise InvalidAttribute("needs an offset: pass an aware datetime, such as datetime.now(UTC)", field="time")
    offset_seconds = time.utcoffset()
    if offset_seconds is not None and offset_seconds.total_seconds() % 60 == 0:
        return time.isoformat()
    try:
        return time.astimezone(UTC).isoformat()
    except OverflowError:
        raise InvalidAttribute(instant.RANGE_MESSAGE, field="time") from None


def _to_attribute(value: Attribute | datetime) -> Attribute:
    return _format_time(value) if isinstance(value, datetime) else value
