"""Where data names a hand-off, an event or a person: found and replaced by what the models declare. Pure.

As in `payload_fields.py`, there is no list of fields by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pathline.vocabulary import TYPES, InteractionCorrected
from pathline_gateway.pathways.payload_fields import Kind, PayloadField, fields_of

NamedKind = Literal["handoff", "event", "subject"]

_NAMING_KINDS: Final = frozenset[Kind](("handoff", "event", "subject", "ref"))


class NamedValue(NamedTuple):
    """What a field names. Both forms of it, a name that one reader has and what that stands for, look alike."""

    kind: NamedKind
    within: str
    """Of an event its source, of a person the organisation, of a hand-off nothing."""
    id: str


Renaming = Callable[[NamedValue], NamedValue]
"""What is to stand in place of each."""


def rename_values(type_name: str, data: Mapping[str, Any], org: str, renamed: Renaming) -> dict[str, Any]:
    """The data of an event of this organisation, with everything that it names renamed.

    Data that breaks its contract stays as it is where it does: a replacement is not held against one yet.
    """
    return _rename_fields(_naming_fields(type_name), data, org, renamed)


@lru_cache(maxsize=1024)
def _naming_fields(type_name: str) -> Mapping[str, PayloadField]:
    if _concerns_nobody(type_name):
        return {}
    fields = _select_naming(fields_of(type_name))
    if type_name == InteractionCorrected.type:
        # Which type the replacement is of is known once its target is: any of them.
        replacement = PayloadField("parts", fields=_fields_of_any_type())
        fields |= {"replacement": PayloadField("parts", fields={"data": replacement})}
    return fields


def _fields_of_any_type() -> dict[str, PayloadField]:
    return {
        name: field
        for type_name in TYPES
        if not _concerns_nobody(type_name)
        for name, field in _select_naming(fields_of(type_name)).items()
    }


def _concerns_nobody(type_name: str) -> bool:
    """Whether it is an offer: it is about nobody, and `fields_of` cannot be asked, as its models hold themselves."""
    return type_name in TYPES and TYPES[type_name].noun == "offer"


def _select_naming(fields: Mapping[str, PayloadField]) -> dict[str, PayloadField]:
    return {name: field for name, field in fields.items() if _names_something(field)}


def _names_something(field: PayloadField) -> bool:
    return field.kind in _NAMING_KINDS or any(map(_names_something, (field.fields or {}).values()))


def _rename_fields(
    fields: Mapping[str, PayloadField], data: Mapping[str, Any], org: str, renamed: Renaming
) -> dict[str, Any]:
    return {
        name: value if name not in fields else _rename_all(fields[name], value, org, renamed)
        for name, value in data.items()
    }


def _rename_all(field: PayloadField, value: Any, org: str, renamed: Renaming) -> Any:
    if field.is_list and isinstance(value, list):
        return [_rename_value(field, each, org, renamed) for each in value]
    return _rename_value(field, value, org, renamed)


def _rename_value(field: PayloadField, value: Any, org: str, renamed: Renaming) -> Any:
    match field.kind, value:
        case "handoff", str():
            return renamed(NamedValue("handoff", "", value)).id
        case "subject", str():
            return renamed(NamedValue("subject", org, value)).id
        case "ref", {"org": str(whose), "subject": str(subject)}:
            return value | {"subject": renamed(NamedValue("subject", whose, subject)).id}
        case "event", {"source": str(source), "id": str(id)}:
            event = renamed(NamedValue("event", source, id))
            return value | {"source": event.within, "id": event.id}
        case (("about" | "parts"), dict()):
            return _rename_fields(field.fields or {}, value, org, renamed)
        case _:
            return value
