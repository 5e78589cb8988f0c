"""JSON Schemas, read back into the notation of the vocabulary's document."""

from __future__ import annotations

from typing import Any

from contracts.document import LISTS, SHAPES


def spelled(schema: dict[str, Any], shapes: dict[str, Any]) -> str:
    """The notation of a schema; null beside a value is the mark of an optional field and is left out."""
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            return name if name in SHAPES else members(shapes[name], shapes)
        case {"oneOf": _}:
            return "Node"
        case {"anyOf": list(options)}:
            return "|".join(spelled(option, shapes) for option in options if option != {"type": "null"})
        case {"const": str(only)}:
            return only
        case {"enum": list(values)}:
            return LISTS.get("|".join(values), "|".join(values))
        case {"type": "array", "items": items}:
            return f"list[{spelled(items, shapes)}]"
        case {"type": "object", "additionalProperties": {"$ref": "#/$defs/JsonValue"}}:
            return "payload"
        case {"type": "object", "additionalProperties": values}:
            return f"dict[str,{spelled(values, shapes)}]"
        case {"type": "string"}:
            return _string(schema)
        case _:
            return {"integer": "int", "number": "float", "boolean": "bool"}[schema["type"]]


def members(shape: dict[str, Any], shapes: dict[str, Any]) -> str:
    """The notation of an object."""
    required = shape.get("required", [])
    marks = {name: "" if name in required else "?" for name in shape["properties"]}
    fields = [f"{name}{marks[name]}:{spelled(field, shapes)}" for name, field in shape["properties"].items()]
    return "{" + ",".join(fields) + "}"


def _string(schema: dict[str, Any]) -> str:
    """`str`, unless the document has a word of its own for strings of this pattern."""
    match schema:
        case {"format": "date-time"}:
            return "instant"
        case {"format": "date"}:
            return "date"
        case {"pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$"}:
            return "code"
        case {"pattern": r"^v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]$"}:
            return "subject"
        case {"pattern": "^[0-9a-f]{64}$"}:
            return "hex64"
        case {"pattern": str(pattern)} if pattern.startswith("^P"):
            return "duration"
        case _:
            return "str"
