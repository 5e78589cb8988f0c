"""Texts of columns as the values of a payload's fields, by the contract of the type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import JsonValue
from pydantic_core import from_json

from pathline.cli.errors import WrongMapping
from pathline.errors import InvalidData
from pathline.vocabulary import Payload

Schema = Mapping[str, Any]
Convert = Callable[[str], JsonValue]
"""Text to JSON value. Raises ValueError, without the text, saying what the text must be."""

_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def set_path(data: dict[str, Any], path: Sequence[str], value: JsonValue) -> None:
    """The value stands in the payload at this path; objects on the way are made."""
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value


@dataclass(frozen=True)
class PayloadFields:
    """What the contract of one type takes, by dotted path such as `to.org`."""

    model: type[Payload]

    def converter_for(self, path: str) -> Convert:
        """How a text becomes a value of this field. Raises WrongMapping when the type has no such field."""
        schema = self.model.model_json_schema()
        node: Schema = schema
        for name in path.split("."):
            node = self._find_property(schema, node, name, path)
        return _choose_converter(_schema_by_kind(schema, node))

    def _find_property(self, schema: Schema, node: Schema, name: str, path: str) -> Schema:
        for alternative in _alternatives(schema, node):
            if name in alternative.get("properties", {}):
                property_schema: Schema = alternative["properties"][name]
                return property_schema
            if isinstance(alternative.get("additionalProperties"), dict):
                extra: Schema = alternative["additionalProperties"]
                return extra
        property_names = [
            key for alternative in _alternatives(schema, node) for key in alternative.get("properties", {})
        ]
        close = get_close_matches(name, property_names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(property_names) or 'no fields of its own'}"
        raise WrongMapping(f"{self.model.type} has no field {path}; {hint}")


def _alternatives(schema: Schema, node: Schema) -> list[Schema]:
    if "$ref" in node:
        return _alternatives(schema, schema["$defs"][str(node["$ref"]).rpartition("/")[2]])
    options = node.get("anyOf") or node.get("oneOf")
    return [inner for option in options for inner in _alternatives(schema, option)] if options else [node]


def _schema_by_kind(schema: Schema, node: Schema) -> dict[str, Schema]:
    return {str(option.get("type", "string")): option for option in _alternatives(schema, node)}


def _choose_converter(kinds: Mapping[str, Schema]) -> Convert:
    if "string" in kinds:
        return str
    for kind, convert in _CONVERTERS.items():
        if kind in kinds:
            return convert
    return _parse_json


def _parse_boolean(text: str) -> JsonValue:
    if (value := _BOOLEANS.get(text.strip().casefold())) is None:
        raise ValueError("must be true or false")
    return value


def _parse_integer(text: str) -> JsonValue:
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _parse_number(text: str) -> JsonValue:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number") from None


def _parse_list(text: str) -> JsonValue:
    """A JSON array, or words between commas."""
    return (
        _parse_json(text)
        if text.lstrip().startswith("[")
        else [part.strip() for part in text.split(",") if part.strip()]
    )


def _parse_json(text: str) -> JsonValue:
    try:
        value: JsonValue = from_json(text)
    except ValueError:
        raise ValueError("must be JSON") from None
    return value


_CONVERTERS: Final[Mapping[str, Convert]] = {
    "boolean": _parse_boolean,
    "integer": _parse_integer,
    "number": _parse_number,
    "array": _parse_list,
}


def convert_column(convert: Convert, path: str, column: str, text: str) -> JsonValue:
    """The value of the field. Raises InvalidData naming field and column."""
    try:
        return convert(text)
    except ValueError as error:
        raise InvalidData(f"column '{column}' {error}", field=f"data.{path}") from None
