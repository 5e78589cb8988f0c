"""The fields of a schema, and the shapes that they name, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pathline_gateway.api_docs.schema_words import Schema, SchemaWords, describe_schema


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field."""

    name: str
    kind: list[SchemaWords]
    required: bool
    description: str
    place: str = ""
    """Of a parameter: path, query or header."""


@dataclass(frozen=True, slots=True)
class SchemaShape:
    """An object that several fields may name."""

    name: str
    description: str
    fields: list[SchemaField]
    kind: list[SchemaWords]
    """What it is, where it has no fields of its own."""


def object_fields(schema: Schema) -> list[SchemaField]:
    """The fields of an object: the required ones first, each in its order."""
    required = schema.get("required", ())
    found_fields = [
        SchemaField(name, describe_schema(each), name in required, str(each.get("description", "")))
        for name, each in schema.get("properties", {}).items()
    ]
    return sorted(found_fields, key=lambda field: not field.required)


def resolve_ref(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """The schema, or the one that it refers to."""
    ref = schema.get("$ref")
    return shapes[ref.rpartition("/")[2]] if isinstance(ref, str) else schema


def referenced_shapes(schema: Schema, shapes: Mapping[str, Schema]) -> list[SchemaShape]:
    """The shapes that a schema names, and those that they name, in the order of their first mention."""
    shapes_by_name: dict[str, SchemaShape] = {}
    queue = referenced_names(schema)
    while queue:
        name = queue.pop(0)
        if name not in shapes_by_name:
            shape = shapes[name]
            shapes_by_name[name] = SchemaShape(
                name, str(shape.get("description", "")), object_fields(shape), describe_schema(shape)
            )
            queue += referenced_names(shape)
    return list(shapes_by_name.values())


def referenced_names(part: Any) -> list[str]:
    """The names of the shapes that stand anywhere in a schema."""
    match part:
        case {"$ref": str(ref)}:
            return [ref.rpartition("/")[2]]
        case {"properties": Mapping() as properties}:
            return [name for each in properties.values() for name in referenced_names(each)]
        case Mapping():
            return [name for each in part.values() for name in referenced_names(each)]
        case list():
            return [name for each in part for name in referenced_names(each)]
    return []
