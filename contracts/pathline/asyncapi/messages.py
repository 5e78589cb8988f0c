"""Records as AsyncAPI messages: one a type in binary mode, and one for structured mode."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from pathline.asyncapi.attributes import attribute_schemas, required_names, unknown_attribute_schema
from pathline.asyncapi.payloads import SCHEMAS_PREFIX
from pathline.codec import kafka
from pathline.codec.json_format import CONTENT_TYPE
from pathline.interaction import Interaction
from pathline.testing import example
from pathline.vocabulary import TYPES, Payload

STRUCTURED: Final = "structured"
"""The name of the message of structured mode."""
_JSON_ANY_CASE: Final = (
    "(?:[Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]|[Tt][Ee][Xx][Tt])/(?:[A-Za-z0-9_.+-]+[+])?[Jj][Ss][Oo][Nn]"
)
_JSON: Final = f"^ *{_JSON_ANY_CASE} *(?:;.*)?$"


def messages() -> dict[str, Any]:
    """Every message, by name: the full type, or `structured`."""
    return {name: _binary_message(cls) for name, cls in TYPES.items()} | {STRUCTURED: _structured_message()}


def envelopes(types: Iterable[str]) -> dict[str, Any]:
    """The component schemas of what is around a payload: `Headers` in binary mode, `StructuredEvent` in structured."""
    names = list(types)
    return {
        "Headers": _headers_schema(),
        "StructuredHeaders": _structured_headers_schema(),
        "StructuredEvent": _structured_event_schema(names),
    }


def _binary_message(cls: type[Payload]) -> dict[str, Any]:
    return {
        "name": cls.type,
        "title": cls.title,
        "summary": _first_line(cls),
        "contentType": "application/json",
        "tags": [{"name": cls.noun}],
        "headers": {
            "type": "object",
            "required": ["ce_type"],
            "properties": {"ce_type": {"type": "string", "const": cls.type, "description": "What happened."}},
            "allOf": [{"$ref": f"{SCHEMAS_PREFIX}Headers"}],
        },
        "payload": {"$ref": SCHEMAS_PREFIX + cls.type},
        "correlationId": {"$ref": "#/components/correlationIds/inHeaders"},
        "bindings": {"$ref": "#/components/messageBindings/bySubject"},
        "examples": [
            _message_example("required", "What must be there, and nothing else", *kafka.encode(_example(cls).event)),
            _message_example("everything", "Every field", *kafka.encode(_example(cls, every_field=True).event)),
        ],
    }


def _structured_message() -> dict[str, Any]:
    event_example = _example(TYPES["org.pathline.contact.made.v1"])
    return {
        "name": STRUCTURED,
        "title": "Any of these in structured mode",
        "summary": "Attributes and data as one JSON object. The same event as in binary mode, and read as the same.",
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": f"{SCHEMAS_PREFIX}StructuredHeaders"},
        "payload": {"$ref": f"{SCHEMAS_PREFIX}StructuredEvent"},
        "correlationId": {"$ref": "#/components/correlationIds/inPayload"},
        "bindings": {"$ref": "#/components/messageBindings/bySubject"},
        "examples": [_message_example("structured", "One event", *kafka.encode_structured(event_example.event))],
    }


def _example(cls: type[Payload], *, every_field: bool = False) -> Interaction[Payload]:
    return example(cls, id="example-1", every_field=every_field)


def _message_example(name: str, summary: str, headers: list[tuple[str, bytes]], value: bytes | None) -> dict[str, Any]:
    header_texts = {header: text.decode() for header, text in headers}
    return {"name": name, "summary": summary, "headers": header_texts, "payload": json.loads(value or b"null")}


def _first_line(cls: type[Payload]) -> str:
    return (cls.__doc__ or cls.title).strip().splitlines()[0]


def _headers_schema() -> dict[str, Any]:
    refused_schema = {"not": {}, "description": "Refused: the record's value is the data, and content-type its format."}
    known_headers = {f"ce_{name}": schema for name, schema in attribute_schemas().items()}
    return {
        "type": "object",
        "description": "Binary mode of the Kafka binding of CloudEvents 1.0.2. Each context attribute is a header whose"
        " name begins with ce_ and whose value is UTF-8 text. No name stands in a record twice. Further attributes are"
        " kept (lower-case letters and digits); headers of other names are passed over.",
        "required": required_names("ce_"),
        "properties": {
            **known_headers,
            "content-type": {"type": "string", "pattern": _JSON, "description": "JSON; it is also what none means."},
            **{f"ce_{name}": refused_schema for name in ("data", "data_base64", "datacontenttype")},
        },
        "patternProperties": {"^ce_[a-z0-9]{1,64}$": unknown_attribute_schema()},
    }


def _structured_headers_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The content type alone says that the record is in structured mode; ce_ headers beside it count"
        " for nothing.",
        "required": ["content-type"],
        "properties": {
            "content-type": {"type": "string", "pattern": r"^application/cloudevents(?:\+json)?\s*(?:;.*)?$"}
        },
    }


def _structured_event_schema(types: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The JSON event format of CloudEvents 1.0.2. Further attributes are kept. Instead of `data`,"
        " `data_base64` is taken too.",
        "required": [*required_names(), "data"],
        "properties": {
            **attribute_schemas(),
            "type": {"type": "string", "enum": types, "description": "What happened."},
            "data": {"type": "object", "description": "The payload of its type."},
        },
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"properties": {"data": {"$ref": SCHEMAS_PREFIX + name}}},
            }
            for name in types
        ],
    }
