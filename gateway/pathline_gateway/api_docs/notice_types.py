"""What the gateway itself tells subscribers, as people read it, field by field. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from pathline import schema
from pathline.asyncapi import Json
from pathline.asyncapi.payloads import payload_schemas
from pathline_gateway.api_docs.schema_fields import SchemaField, SchemaShape, object_fields, referenced_shapes


@dataclass(frozen=True, slots=True)
class NoticeType:
    """One type of event that the gateway tells."""

    type: str
    title: str
    summary: str
    fields: list[SchemaField]
    """Of the whole event."""
    shapes: list[SchemaShape]
    examples: list[str]

    def matches(self, words: list[str]) -> bool:
        """Whether every word stands in its names, its summary or the names of its fields."""
        text = " ".join((self.type, self.title, self.summary, *(field.name for field in self.fields))).lower()
        return all(word in text for word in words)


@cache
def notice_types() -> dict[str, NoticeType]:
    """Every type, by its name."""
    payload_by_type = payload_schemas(schema.notice_schemas())
    return {name: _parse_notice(name, payload_by_type[name], payload_by_type) for name in schema.notice_schemas()}


def _parse_notice(name: str, notice_schema: Json, shapes: Json) -> NoticeType:
    examples = [json.dumps(each, indent=2, ensure_ascii=False) for each in notice_schema["examples"]]
    return NoticeType(
        name,
        notice_schema["title"],
        notice_schema["description"],
        object_fields(notice_schema),
        referenced_shapes(notice_schema, shapes),
        examples,
    )
