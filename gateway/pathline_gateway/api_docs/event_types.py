"""The messages of an AsyncAPI document, as people read them: what can be published, field by field. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pathline.asyncapi import Json
from pathline_gateway.api_docs.curl_example import curl_command
from pathline_gateway.api_docs.schema_fields import SchemaField, SchemaShape, object_fields, referenced_shapes

_STRUCTURED = "structured"
_INTAKE = "in"
"""The channel of what organisations publish."""


@dataclass(frozen=True, slots=True)
class Example:
    """One event: as a request, and as a record."""

    summary: str
    curl: str
    key: str
    headers: list[tuple[str, str]]
    value: str


@dataclass(frozen=True, slots=True)
class Event:
    """One type of event."""

    type: str
    title: str
    summary: str
    noun: str
    own: list[SchemaField]
    """What the type says besides."""
    common: list[SchemaField]
    """What every type may say."""
    shapes: list[SchemaShape]
    examples: list[Example]

    def matches(self, words: list[str]) -> bool:
        """Whether every word stands in its names, its summary or the names of its own fields."""
        text = " ".join((self.type, self.title, self.summary, *(field.name for field in self.own))).lower()
        return all(word in text for word in words)


def parse_events(document: Json) -> dict[str, Event]:
    """Every type that can be published, by its name: others are what the gateway sends."""
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    types = {name: messages[name] for name in document["channels"][_INTAKE]["messages"] if name != _STRUCTURED}
    common = reduce(set.intersection, (set(schemas[name]["properties"]) for name in types))
    return {name: _parse_event(message, schemas, common) for name, message in types.items()}


def header_fields(document: Json) -> list[SchemaField]:
    """The headers of every record."""
    return [
        field
        for field in object_fields(document["components"]["schemas"]["Headers"])
        if "Refused" not in field.description
    ]


def _parse_event(message: Json, schemas: Mapping[str, Any], common: set[str]) -> Event:
    schema = schemas[message["name"]]
    schema_fields = object_fields(schema)
    return Event(
        type=message["name"],
        title=message["title"],
        summary=message["summary"],
        noun=message["tags"][0]["name"],
        own=[field for field in schema_fields if field.name not in common or field.required],
        common=[field for field in schema_fields if field.name in common and not field.required],
        shapes=referenced_shapes(schema, schemas),
        examples=[_parse_example(each) for each in message["examples"]],
    )


def _parse_example(example: Json) -> Example:
    headers, payload = example["headers"], example["payload"]
    # A header of a record begins with ce_, and one of a request with ce-.
    http_headers = {name.replace("ce_", "ce-", 1): value for name, value in headers.items()}
    return Example(
        summary=example["summary"],
        curl=curl_command("POST", "/v1/events", token=True, query={}, headers=http_headers, body=payload),
        key=headers["ce_subject"],
        headers=list(headers.items()),
        value=json.dumps(payload, indent=2, ensure_ascii=False),
    )
