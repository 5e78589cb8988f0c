"""The schemas of payloads within one document: what several share stands there once.

AsyncAPI's own schema format is draft-07. The vocabulary's schemas are of 2020-12. Only `$defs` and what stands beside a
`$ref` mean something else in draft-07. Both are written so that the dialects agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_DEFS_PREFIX: Final = "#/$defs/"
SCHEMAS_PREFIX: Final = "#/components/schemas/"


def payload_schemas(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The component schemas: each payload under its type, and the shapes that payloads share under their names."""
    schema_by_name: dict[str, Any] = {}
    for name, schema in schemas.items():
        own = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
        for shape_name, shape in {**schema.get("$defs", {}), name: own}.items():
            relocated = _relocate_refs(shape)
            if schema_by_name.setdefault(shape_name, relocated) != relocated:
                raise ValueError(f"two payloads mean something else by {shape_name}")
    return schema_by_name


def _relocate_refs(schema: Any) -> Any:
    """The schema with its references pointing into the document."""
    match schema:
        case {"$ref": str(ref), **beside}:
            relocated_ref = {"$ref": SCHEMAS_PREFIX + ref.removeprefix(_DEFS_PREFIX)}
            # A draft-07 reader skips whatever stands beside a reference.
            return {**beside, "allOf": [relocated_ref]} if beside else relocated_ref
        case dict():
            return {key: _relocate_refs(value) for key, value in schema.items()}
        case list():
            return [_relocate_refs(part) for part in schema]
        case _:
            return schema
