"""What the gateway itself tells subscribers, as people read it, field by field. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from pathline import schema
from pathline.asyncapi import Json
from pathline.asyncapi.payloads import payloads
from pathline_gateway.documents.fields import Field, Shape, fields, named


@dataclass(frozen=True, slots=True)
class Notice:
    """One type of event that the gateway tells."""

    type: str
    title: str
    summary: str
    fields: list[Field]
    """Of the whole event."""
    shapes: list[Shape]
    examples: list[str]

    def says(self, words: list[str]) -> bool:
        """Whether every word stands in its names, its summary or the names of its fields."""
        told = " ".join((self.type, self.title, self.summary, *(field.name for field in self.fields))).lower()
        return all(word in told for word in words)


@cache
def notices() -> dict[str, Notice]:
    """Every type, by its name."""
    placed = payloads(schema.notices())
    return {name: _notice(name, placed[name], placed) for name in schema.notices()}


def _notice(name: str, told: Json, shapes: Json) -> Notice:
    examples = [json.dumps(each, indent=2, ensure_ascii=False) for each in told["examples"]]
    return Notice(name, told["title"], told["description"], fields(told), named(told, shapes), examples)
