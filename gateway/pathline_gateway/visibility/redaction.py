"""Redacts another organisation's step for a reader. Pure.

Which field is what is told by the models of the vocabulary (`fields`): identifiers are keyed, tokens and other persons
left out, and so is what no model declares. Of a step whose place is hidden only words of the vocabulary's own lists,
numbers and times are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

import orjson

from pathline_gateway.concealment.rules import LOCATION_HIDDEN, Concealment
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.payload_fields import Kind, PayloadField, fields_of
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisibleStep

_PLACES: Final = frozenset(("service", "channel"))
"""Fields that tell a place though they hold a code or a word."""
_PLACELESS: Final = frozenset[Kind](("word", "number", "moment", "identifier", "handoff", "parts"))
_AS_SENT: Final = frozenset[Kind](("word", "number", "moment", "code", "text"))

_LEFT_OUT: Final = object()

Identity = tuple[str, str]
"""Source and id."""


@dataclass(frozen=True, slots=True)
class StepRedactor:
    """How one reader is told of others' steps."""

    key: ReaderKey
    org: str | None
    """The reader's organisation."""
    concealment: Concealment
    told_as: Mapping[Identity, Identity]
    """The events that she sees, by the names that she is told. What she does not see is not referred to."""
    handoffs: Set[str] = frozenset()
    """Hand-offs that she is a side of, and knows by their own ids."""

    def step(self, told: ParsedStep) -> Step:
        """The step as she is told it."""
        step, hidden = told.step, is_hidden(told)
        data = orjson.dumps(self._parts(fields_of(step.type), told.said, step.org, hidden))
        masked = placeless(step) if hidden else step
        return masked._replace(
            id=self.key.event(step.source, step.id),
            subject="",
            sequence=None,  # a publisher's count tells how many there are that she does not see
            trace_id=None,
            span_id=None,
            extra=b"{}",
            data=data,
        )

    def _parts(
        self, fields: Mapping[str, PayloadField], said: Mapping[str, Any], org: str, hidden: bool
    ) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in said.items():
            field = fields.get(name)
            if field is None or value is None or (hidden and not _tells_no_place(name, field)):
                continue
            found = [self._value(field, each, org, hidden) for each in (value if field.several else (value,))]
            found = [each for each in found if each is not _LEFT_OUT]
            if found:
                kept[name] = found if field.several else found[0]
        return kept

    def _value(self, field: PayloadField, value: Any, org: str, hidden: bool) -> Any:
        match field.kind:
            case "identifier":
                return self.key.identifier(org, value)
            case "handoff":
                return value if value in self.handoffs else self.key.handoff(value)
            case "subject":
                return self.key.subject(org, value)
            case "ref":
                return {"org": value["org"], "subject": self.key.subject(value["org"], value["subject"])}
            case "party":
                return value if self._may_name(value) else _LEFT_OUT
            case "event":
                return self._event(value)
            case "parts":
                return self._parts(field.parts or {}, value, org, hidden)
            case kind:
                return value if kind in _AS_SENT else _LEFT_OUT

    def _may_name(self, party: Mapping[str, str]) -> bool:
        return party["org"] == self.org or not self.concealment.party(party["org"], party.get("service"))

    def _event(self, value: Mapping[str, str]) -> Any:
        name = self.told_as.get((value["source"], value["id"]))
        return _LEFT_OUT if name is None else {"source": name[0], "id": name[1]}


def names(key: ReaderKey, seen: Iterable[VisibleStep]) -> dict[Identity, Identity]:
    """What each event that a reader sees is called to her."""
    return {
        (each.step.source, each.step.id): (each.step.source, each.step.id)
        if own
        else (_source(each), key.event(each.step.source, each.step.id))
        for each, own in seen
    }


def _source(told: ParsedStep) -> str:
    return placeless(told.step).source if is_hidden(told) else told.step.source


def is_hidden(told: ParsedStep) -> bool:
    """Whether where the step took place is hidden from all others."""
    return told.said.get("safety") == LOCATION_HIDDEN


def placeless(step: Step) -> Step:
    """The step without service, channel and activity, and without the name of the system that published it."""
    return step._replace(source=f"urn:pathline:{step.org}:hidden", service=None, channel=None, activity=None)


def without_place(told: ParsedStep) -> Step:
    """The same for a reader who is told names as they are: an operator."""
    kept = _plain(fields_of(told.step.type), told.said)
    return placeless(told.step)._replace(trace_id=None, span_id=None, extra=b"{}", data=orjson.dumps(kept))


def _plain(fields: Mapping[str, PayloadField], said: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in said.items():
        field = fields.get(name)
        if field is None or value is None or name in _PLACES:
            continue
        if field.kind in ("word", "number", "moment"):
            kept[name] = value
        elif field.kind == "parts":
            parts = field.parts or {}
            kept[name] = [_plain(parts, each) for each in value] if field.several else _plain(parts, value)
    return kept


def _tells_no_place(name: str, field: PayloadField) -> bool:
    return field.kind in _PLACELESS and name not in _PLACES
