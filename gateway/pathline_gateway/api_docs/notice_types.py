"""What the gateway itself tells subscribers, as people read it, field by field. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from pathline import schema
from pathline.asyncapi import Json
from pathline.asyncapi.payloads import payloads
from pathline_gateway.api_docs.schema_fields import SchemaField, SchemaShape, fields, named


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

    def says(self, words: list[str]) -> bool:
        """Whether every word stands in its names, its summary or the names of its fields."""
        told = " ".join((self.type, self.title, self.summary, *(field.name for field in self.fields))).lower()
        return all(word in told for word in words)


@cache
def notices() -> dict[str, NoticeType]:
    """Every type, by its name."""
    placed = payloads(schema.notices())
    return {name: _notice(name, placed[name], placed) for name in schema.notices()}


def _notice(name: str, told: Json, shapes: Json) -> NoticeType:
    examples = [json.dumps(each, indent=2, ensure_ascii=False) for each in told["examples"]]
    return NoticeType(name, told["title"], told["description"], fields(told), named(told, shapes), examples)
