"""A plain value that fits a schema: what must be there, and nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pathline_gateway.api_docs.schema_fields import resolved
from pathline_gateway.api_docs.schema_words import Schema

_FORMATS: Final = {
    "date-time": "2026-03-02T09:30:00Z",
    "date": "2026-03-02",
    "uuid": "00000000-0000-7000-8000-000000000000",
}
_WORDS: Final = ("example", "v1.AAAAAAAAAAAAAAAAAAAAAA", "need.expressed", "12345678901", "n0", "1")
"""Tried in this order where a pattern must be met."""


def sample(schema: Schema, shapes: Mapping[str, Schema]) -> Any:
    """The value. A schema's own example goes before any other."""
    schema = resolved(schema, shapes)
    match schema:
        case {"examples": [first, *_]} | {"example": first} | {"const": first} | {"enum": [first, *_]}:
            return first
        case {"default": value} if value is not None:
            return value
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]} | {"allOf": [first]}:
            return sample(first, shapes)
        case {"type": "object"}:
            wanted = schema.get("required", ())
            return {name: sample(schema["properties"][name], shapes) for name in wanted}
        case {"type": "array"}:
            return [sample(schema["items"], shapes)] * max(1, schema.get("minItems", 0))
        case {"type": "string"}:
            return _text(schema)
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
        case {"type": "boolean"}:
            return True
    return {}


def _text(schema: Schema) -> str:
    if (known := _FORMATS.get(str(schema.get("format")))) is not None:
        return known
    pattern = str(schema.get("pattern", ""))
    return next((word for word in _WORDS if re.search(pattern, word)), _WORDS[0])
