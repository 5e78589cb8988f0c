"""A plain value that fits a schema: what must be there, and nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pathline_gateway.api_docs.schema_fields import resolve_ref
from pathline_gateway.api_docs.schema_words import Schema

_FORMAT_EXAMPLES: Final = {
    "date-time": "2026-03-02T09:30:00Z",
    "date": "2026-03-02",
    "uuid": "00000000-0000-7000-8000-000000000000",
}
_CANDIDATE_WORDS: Final = ("example", "v1.AAAAAAAAAAAAAAAAAAAAAA", "need.expressed", "12345678901", "n0", "1")
"""Tried in this order where a pattern must be met."""


def sample_value(schema: Schema, shapes: Mapping[str, Schema]) -> Any:
    """The value. A schema's own example goes before any other."""
    schema = resolve_ref(schema, shapes)
    match schema:
        case {"examples": [first, *_]} | {"example": first} | {"const": first} | {"enum": [first, *_]}:
            return first
        case {"default": value} if value is not None:
            return value
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]} | {"allOf": [first]}:
            return sample_value(first, shapes)
        case {"type": "object"}:
            required = schema.get("required", ())
            return {name: sample_value(schema["properties"][name], shapes) for name in required}
        case {"type": "array"}:
            return [sample_value(schema["items"], shapes)] * max(1, schema.get("minItems", 0))
        case {"type": "string"}:
            return _sample_text(schema)
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
        case {"type": "boolean"}:
            return True
    return {}


def _sample_text(schema: Schema) -> str:
    if (known := _FORMAT_EXAMPLES.get(str(schema.get("format")))) is not None:
        return known
    pattern = str(schema.get("pattern", ""))
    return next((word for word in _CANDIDATE_WORDS if re.search(pattern, word)), _CANDIDATE_WORDS[0])
