"""A step with its data read: what rules of seeing are judged by. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from pathline_gateway.pathways.payload_fields import fields_of, values_of_kind
from pathline_gateway.pathways.step import Step

_TYPE_PREFIX: Final = "org.pathline."


class ParsedStep(NamedTuple):
    """A step, and its data."""

    step: Step
    data: Mapping[str, Any]
    """As it is meant, where its publisher used names of her own."""

    @property
    def noun_and_verb(self) -> tuple[str, str]:
        """Noun and verb; of a type that is not Pathline's own, neither."""
        noun, _, verb = self.step.type.removeprefix(_TYPE_PREFIX).rpartition(".v")[0].partition(".")
        return (noun, verb) if self.step.type.startswith(_TYPE_PREFIX) else ("", "")

    @property
    def noun(self) -> str:
        """What the step is about."""
        return self.noun_and_verb[0]

    @property
    def data_as_sent(self) -> Mapping[str, Any]:
        """The data under the names that its publisher used."""
        return self.data if self.step.sent_data is None else orjson.loads(self.step.sent_data)

    @property
    def sent_handoff(self) -> str | None:
        """The hand-off that it names, as its publisher named it."""
        handoff: str | None = self.data_as_sent.get("handoff")
        return handoff

    def parties(self) -> Iterator[tuple[str, str | None]]:
        """Every organisation or service that the data names, by whichever field."""
        fields = fields_of(self.step.type)
        for party in values_of_kind(fields, self.data, "party"):
            yield party["org"], party.get("service")
        for ref in values_of_kind(fields, self.data, "ref"):
            yield ref["org"], None
        for event in values_of_kind(fields, self.data, "event"):
            yield event["source"].split(":")[2] if event["source"].count(":") == 3 else "", None
        for handoff in values_of_kind(fields, self.data, "handoff"):
            yield handoff.partition(":")[0], None
        if reused := self.data.get("reused_from"):  # a code that means an organisation: no type says so
            yield reused, None
        for unmet in self.data.get("unmet") or ():  # its offer's id is the organisation's own: it is no party
            yield unmet["org"], None


def parse_step(step: Step) -> ParsedStep:
    """The step, read."""
    data = orjson.loads(step.data)
    return ParsedStep(step, data if isinstance(data, dict) else {})
