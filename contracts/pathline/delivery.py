"""What a subscriber is told, read from a record: the payload as far as the reader may know it, and her names.

No client: `pathline.topic` has the subscriber of FastStream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from pydantic import TypeAdapter, ValidationError

from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.errors import Malformed
from pathline.vocabulary import TYPES, Payload
from pathline.vocabulary.notices import NOTICES, Notice

_INTEGERS: Final = ("number", "series", "first", "regarding")


@dataclass(frozen=True, slots=True)
class Names:
    """By which names one reader knows an event, and what it is about."""

    source: str
    id: str
    type: str
    number: int
    """The running number: a gap always means loss, and the same number is the same delivery. 0 of what has none."""
    series: int = 1
    """1, or the number of the replay that this belongs to."""
    pathway: str | None = None
    """What the reader calls the person's pathway."""
    subject: str | None = None
    """Of the reader's own events alone."""
    time: str | None = None
    """When it happened (RFC 3339); None of what is thin."""
    dataref: str | None = None
    """Where the whole event is, relative to the address of the gateway; of what is thin."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery. `content` is None where it is thin, or of a type that this version does not know."""

    names: Names
    content: Payload | Notice | None
    event: CloudEvent
    """As it came."""


def read_delivery(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Delivery:
    """The delivery in a record of a subscription's topic. Raises Refused where it is none."""
    event = kafka.decode(headers, value)
    names = _read_names(event.text)
    data = event.data or None
    if (notice := NOTICES.get(names.type)) is not None:
        return Delivery(names, _read_notice(notice, event, data), event)
    kind = TYPES.get(names.type)
    return Delivery(names, None if kind is None or data is None else read_payload(kind, data), event)


def read_payload(kind: type[Payload], data: bytes) -> Payload:
    """The payload as it is told: a field that the reader may not know is None, though the type requires it.

    Raises Malformed where the data is no JSON object.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError:
        pass
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Malformed("the data is no JSON object")
    values = {name: _read_field(kind, name, told) for name in kind.model_fields}
    return kind.model_construct(**values)


def _read_field(kind: type[Payload], name: str, told: Mapping[str, Any]) -> Any:
    field = kind.model_fields[name]
    if (value := told.get(field.alias or name)) is None:
        return None if field.is_required() else field.get_default()
    try:
        return _adapter(kind, name).validate_json(json.dumps(value))
    except ValidationError:
        return value  # a name of the reader's own in place of what its publisher wrote


@cache
def _adapter(kind: type[Payload], name: str) -> TypeAdapter[Any]:
    field = kind.model_fields[name]
    told: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(told)


def _read_names(attributes: Mapping[str, str]) -> Names:
    try:
        return Names(
            source=attributes["source"],
            id=attributes["id"],
            type=attributes["type"],
            number=int(attributes.get("number", 0)),
            series=int(attributes.get("series", 1)),
            pathway=attributes.get("pathway"),
            subject=attributes.get("subject"),
            time=attributes.get("time"),
            dataref=attributes.get("dataref"),
        )
    except (KeyError, ValueError):
        raise Malformed("the record is no delivery of a subscription") from None


def _read_notice(kind: type[Notice], event: CloudEvent, data: bytes | None) -> Notice:
    told: dict[str, Any] = {
        name: int(text) if name in _INTEGERS else text for name, text in event.text.items() if name in kind.model_fields
    }
    if data is not None:
        told["data"] = json.loads(data)
    try:
        return kind.model_validate_json(json.dumps(told))
    except (ValidationError, ValueError):
        raise Malformed("the notice is not as its schema says") from None
