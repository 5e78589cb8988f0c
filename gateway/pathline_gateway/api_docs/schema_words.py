"""What a schema allows, in a few words with links to the shapes that it names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

Schema = Mapping[str, Any]

_FORMATS: Final = {"date-time": "instant", "date": "day", "uuid": "UUID"}
_LONGEST_PATTERN: Final = 60
_NULL: Final = {"type": "null"}


class SchemaWords(NamedTuple):
    """Some words; with the name of a shape they are a link to it."""

    text: str
    shape: str | None = None


def describe_schema(schema: Schema) -> list[SchemaWords]:
    """The words for a schema."""
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            return [SchemaWords(name, name)]
        case {"allOf": [only]} if "type" not in schema:
            return describe_schema(only)
        case {"const": only}:
            return [SchemaWords(f"always {only}")]
        case {"enum": [*values]}:
            return [SchemaWords("one of " + ", ".join(map(str, values)))]
        case {"anyOf": [*options]} | {"oneOf": [*options]}:
            return _describe_options(options)
        case {"type": "array"}:
            return [SchemaWords("list of "), *describe_schema(schema.get("items", {})), *_describe_size(schema)]
        case {"type": "object"} if isinstance(schema.get("additionalProperties"), Mapping):
            return [SchemaWords("by name: "), *describe_schema(schema["additionalProperties"])]
        case {"type": "string"}:
            return _describe_text(schema)
        case {"type": "integer"}:
            return [SchemaWords("whole number"), *_describe_range(schema)]
        case {"type": str(plain)}:
            return [SchemaWords({"boolean": "true or false"}.get(plain, plain)), *_describe_range(schema)]
    return [SchemaWords("anything")]


def _describe_options(options: Iterable[Schema]) -> list[SchemaWords]:
    """Null beside a value is the mark of an optional field, and is left out."""
    words: list[SchemaWords] = []
    for option in (each for each in options if each != _NULL):
        words += [SchemaWords(" or ")] if words else []
        words += describe_schema(option)
    return words


def _describe_text(schema: Schema) -> list[SchemaWords]:
    pattern = str(schema.get("pattern", ""))
    if pattern.startswith("^P"):
        return [SchemaWords("duration, such as P1D or PT48H")]
    if (known := _FORMATS.get(str(schema.get("format")))) is not None:
        return [SchemaWords(known)]
    words = [SchemaWords("text"), *_describe_bounds(schema, "Length", " characters")]
    # What only keeps control characters out is no news to anybody.
    is_informative = pattern and not pattern.startswith("^[^") and len(pattern) <= _LONGEST_PATTERN
    return [*words, SchemaWords(f", like {pattern}")] if is_informative else words


def _describe_bounds(schema: Schema, what: str, unit: str) -> list[SchemaWords]:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least and most:
        return [SchemaWords(f", {least:,} to {most:,}{unit}")]
    if most:
        return [SchemaWords(f", at most {most:,}{unit}")]
    return [SchemaWords(f", at least {least:,}{unit}")] if least else []


def _describe_size(schema: Schema) -> list[SchemaWords]:
    return [SchemaWords(f" ({word.text.removeprefix(', ')})") for word in _describe_bounds(schema, "Items", " of them")]


def _describe_range(schema: Schema) -> list[SchemaWords]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None or most is None or abs(most) >= 2**53 - 1:
        return [SchemaWords(f", at least {least}")] if least is not None and abs(least) < 2**53 - 1 else []
    return [SchemaWords(f", {least:,} to {most:,}")]
