"""The schemas of payloads within one document: what several share stands there once.

AsyncAPI's own schema format is draft-07. Of what the vocabulary's 2020-12 schemas use, only `$defs` and what stands
beside a `$ref` would be read otherwise there; with both written so that the two dialects agree, each schema means the
same in either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SHARED: Final = "#/$defs/"
HERE: Final = "#/components/schemas/"


def payloads(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The component schemas: each payload under its type, and the shapes that payloads share under their names."""
    found: dict[str, Any] = {}
    for name, schema in schemas.items():
        own = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
        for shared, shape in {**schema.get("$defs", {}), name: own}.items():
            placed = _placed(shape)
            if found.setdefault(shared, placed) != placed:
                raise ValueError(f"two payloads mean something else by {shared}")
    return found


def _placed(schema: Any) -> Any:
    """The schema with its references pointing into the document."""
    match schema:
        case {"$ref": str(ref), **beside}:
            here = {"$ref": HERE + ref.removeprefix(_SHARED)}
            # A draft-07 reader skips whatever stands beside a reference.
            return {**beside, "allOf": [here]} if beside else here
        case dict():
            return {key: _placed(value) for key, value in schema.items()}
        case list():
            return [_placed(part) for part in schema]
        case _:
            return schema
