"""The messages of an AsyncAPI document, as people read them: what can be published, field by field. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pathline.asyncapi import Json
from pathline_gateway.api_docs.curl_example import curl
from pathline_gateway.api_docs.schema_fields import SchemaField, SchemaShape, fields, named

_STRUCTURED = "structured"


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

    def says(self, words: list[str]) -> bool:
        """Whether every word stands in its names, its summary or the names of its own fields."""
        told = " ".join((self.type, self.title, self.summary, *(field.name for field in self.own))).lower()
        return all(word in told for word in words)


def events(document: Json) -> dict[str, Event]:
    """Every type, by its name."""
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    types = {name: told for name, told in messages.items() if name != _STRUCTURED}
    common = reduce(set.intersection, (set(schemas[name]["properties"]) for name in types))
    return {name: _event(told, schemas, common) for name, told in types.items()}


def attributes(document: Json) -> list[SchemaField]:
    """The headers of every record."""
    return [
        field for field in fields(document["components"]["schemas"]["Headers"]) if "Refused" not in field.description
    ]


def _event(told: Json, schemas: Mapping[str, Any], common: set[str]) -> Event:
    schema = schemas[told["name"]]
    found = fields(schema)
    return Event(
        type=told["name"],
        title=told["title"],
        summary=told["summary"],
        noun=told["tags"][0]["name"],
        own=[field for field in found if field.name not in common or field.required],
        common=[field for field in found if field.name in common and not field.required],
        shapes=named(schema, schemas),
        examples=[_example(each) for each in told["examples"]],
    )


def _example(shown: Json) -> Example:
    headers, payload = shown["headers"], shown["payload"]
    # A header of a record begins with ce_, and one of a request with ce-.
    asked = {name.replace("ce_", "ce-", 1): value for name, value in headers.items()}
    return Example(
        summary=shown["summary"],
        curl=curl("POST", "/v1/events", token=True, query={}, headers=asked, body=payload),
        key=headers["ce_subject"],
        headers=list(headers.items()),
        value=json.dumps(payload, indent=2, ensure_ascii=False),
    )
