"""Redacts another organisation's step for a reader. Pure.

The models of the vocabulary say what each field holds (`pathways/payload_fields.py`). Identifiers are keyed. Tokens,
other persons, undeclared fields and values that nothing explains are left out. Of a step whose place is hidden only
numbers, times and words of the vocabulary's own lists are left.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

import orjson

from pathline_gateway.concealment.rules import LOCATION_HIDDEN, Concealment
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.payload_fields import Kind, PayloadField, fields_of
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.name_identities import EventIdentity
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisiblePathway

_LOCATION_FIELDS: Final = frozenset(("service", "channel"))
"""Fields that tell a place though they hold a code or a word."""
_LOCATION_FREE_KINDS: Final = frozenset[Kind](("word", "number", "moment", "identifier", "handoff", "parts"))
_VERBATIM_KINDS: Final = frozenset[Kind](("word", "number", "moment", "code", "text"))

_OMITTED: Final = object()

Identity = tuple[str, str]
"""Source and id."""


@dataclass(frozen=True, slots=True)
class StepRedactor:
    """How one reader is told of others' steps."""

    key: ReaderKey
    org: str | None
    """The reader's organisation."""
    concealment: Concealment
    event_names: Mapping[Identity, Identity]
    """The events that she sees, by the names that she is told. What she does not see is not referred to."""
    handoffs: Set[str] = frozenset()
    """Hand-offs that she is a side of, and knows by their own ids."""

    def redact(self, parsed: ParsedStep) -> Step:
        """The step as she is told it."""
        step, location_hidden = parsed.step, is_location_hidden(parsed)
        data = orjson.dumps(self._redact_fields(fields_of(step.type), parsed.data, step.org, location_hidden))
        masked = without_location_columns(step) if location_hidden else step
        return masked._replace(
            id=self.event_names[step.source, step.id][1],
            subject="",
            sequence=None,  # a publisher's count tells how many there are that she does not see
            trace_id=None,
            span_id=None,
            extra=b"{}",
            data=data,
            sent_data=None,
            stored_time=None,
        )

    def _redact_fields(
        self, fields: Mapping[str, PayloadField], data: Mapping[str, Any], org: str, location_hidden: bool
    ) -> dict[str, Any]:
        redacted: dict[str, Any] = {}
        for name, value in data.items():
            field = fields.get(name)
            if field is None or value is None or (location_hidden and not _is_location_free(name, field)):
                continue
            values = [
                self._redact_value(field, each, org, location_hidden) for each in (value if field.is_list else (value,))
            ]
            values = [each for each in values if each is not _OMITTED]
            if values:
                redacted[name] = values if field.is_list else values[0]
        return redacted

    def _redact_value(self, field: PayloadField, value: Any, org: str, location_hidden: bool) -> Any:
        match field.kind:
            case "identifier":
                return self.key.identifier(org, value)
            case "handoff":
                return value if value in self.handoffs else self.key.handoff_name(value)
            case "subject":
                return self.key.subject_name(org, value)
            case "ref":
                return {"org": value["org"], "subject": self.key.subject_name(value["org"], value["subject"])}
            case "party":
                return value if self._may_name(value) else _OMITTED
            case "event":
                return self._redact_event_ref(value)
            case "parts":
                return self._redact_fields(field.fields or {}, value, org, location_hidden)
            case kind:
                return value if kind in _VERBATIM_KINDS else _OMITTED

    def _may_name(self, party: Mapping[str, str]) -> bool:
        return party["org"] == self.org or not self.concealment.conceals_party(party["org"], party.get("service"))

    def _redact_event_ref(self, value: Mapping[str, str]) -> Any:
        name = self.event_names.get((value["source"], value["id"]))
        return _OMITTED if name is None else {"source": name[0], "id": name[1]}


def event_names(key: ReaderKey, visible: VisiblePathway) -> dict[Identity, Identity]:
    """What each event that a reader sees is called to her."""
    return {
        (each.step.source, each.step.id): (each.step.source, each.step.id)
        if is_own
        else (_redacted_source(each), key.event_name(_event_identity(each.step, visible)))
        for each, is_own in visible.steps
    }


def _event_identity(step: Step, visible: VisiblePathway) -> EventIdentity:
    anchor_id = visible.anchor_ids[step.org, step.subject]
    return EventIdentity.of(anchor_id, step.stored_time or step.time, step.source, step.id)


def _redacted_source(parsed: ParsedStep) -> str:
    return without_location_columns(parsed.step).source if is_location_hidden(parsed) else parsed.step.source


def is_location_hidden(parsed: ParsedStep) -> bool:
    """Whether where the step took place is hidden from all others."""
    return parsed.data.get("safety") == LOCATION_HIDDEN


def without_location_columns(step: Step) -> Step:
    """The step without service, channel and activity, and without the name of the system that published it."""
    return step._replace(source=f"urn:pathline:{step.org}:hidden", service=None, channel=None, activity=None)


def redact_location(parsed: ParsedStep) -> Step:
    """The same for a reader who sees names as they are: an operator."""
    location_free = _location_free_fields(fields_of(parsed.step.type), parsed.data)
    return without_location_columns(parsed.step)._replace(
        trace_id=None, span_id=None, extra=b"{}", data=orjson.dumps(location_free), sent_data=None
    )


def _location_free_fields(fields: Mapping[str, PayloadField], data: Mapping[str, Any]) -> dict[str, Any]:
    location_free: dict[str, Any] = {}
    for name, value in data.items():
        field = fields.get(name)
        if field is None or value is None or name in _LOCATION_FIELDS:
            continue
        if field.kind in ("word", "number", "moment"):
            location_free[name] = value
        elif field.kind == "parts":
            parts = field.fields or {}
            location_free[name] = (
                [_location_free_fields(parts, each) for each in value]
                if field.is_list
                else _location_free_fields(parts, value)
            )
    return location_free


def _is_location_free(name: str, field: PayloadField) -> bool:
    return field.kind in _LOCATION_FREE_KINDS and name not in _LOCATION_FIELDS
