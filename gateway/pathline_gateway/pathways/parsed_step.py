"""A step with its data read: what rules of seeing are judged by. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from pathline_gateway.pathways.payload_fields import fields_of, named
from pathline_gateway.pathways.step import Step

_PREFIX: Final = "org.pathline."


class ParsedStep(NamedTuple):
    """A step, and its data as it says it."""

    step: Step
    said: Mapping[str, Any]

    @property
    def verb(self) -> tuple[str, str]:
        """Noun and verb; of a type that is not Pathline's own, neither."""
        noun, _, verb = self.step.type.removeprefix(_PREFIX).rpartition(".v")[0].partition(".")
        return (noun, verb) if self.step.type.startswith(_PREFIX) else ("", "")

    @property
    def noun(self) -> str:
        """What the step is about."""
        return self.verb[0]

    def parties(self) -> Iterator[tuple[str, str | None]]:
        """Every organisation or service that the data names, by whichever field."""
        fields = fields_of(self.step.type)
        for party in named(fields, self.said, "party"):
            yield party["org"], party.get("service")
        for ref in named(fields, self.said, "ref"):
            yield ref["org"], None
        for event in named(fields, self.said, "event"):
            yield event["source"].split(":")[2] if event["source"].count(":") == 3 else "", None
        for handoff in named(fields, self.said, "handoff"):
            yield handoff.partition(":")[0], None
        if reused := self.said.get("reused_from"):  # a code that means an organisation: no type says so
            yield reused, None


def parse_step(step: Step) -> ParsedStep:
    """The step, read."""
    said = orjson.loads(step.data)
    return ParsedStep(step, said if isinstance(said, dict) else {})
