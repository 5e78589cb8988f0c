"""The ordinary record, read in a third of the time: binary mode, well-known attributes, nothing to look at closely.

It says the same as the contracts do, or nothing: whatever is unusual or wrong is left to `reading.read_closely`, which
says why. A property holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pathline import instant, personal_numbers
from pathline.cloudevent import MAX_ATTRIBUTE_CHARACTERS, MAX_DATA_BYTES
from pathline.errors import Refused
from pathline.interaction import MAX_ID_CHARACTERS, SUBJECT, organisation_of
from pathline.vocabulary import TYPES, HandoffOffered, Payload
from pathline_gateway.identity.rights import OURS
from pathline_gateway.intake import content
from pathline_gateway.intake.record import Accepted, Record
from pathline_gateway.intake.steps import NOT_STEPS
from pathline_gateway.telemetry import parse_traceparent

_NAMES: Final = {
    f"ce_{name}": name
    for name in (
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "recordedtime",
        "sequence",
        "traceparent",
        "tracestate",
        "correlationid",
        "causationid",
    )
}
_NAME_SOMEBODY: Final = ("correlationid", "causationid")
"""Attributes besides the id that may hold a personal number."""
_JSON: Final = b"application/json"


class _Kind(NamedTuple):
    model: type[Payload]
    step: bool
    offered: bool


# The others have rules of their own beyond their models: what evidence is about.
_KINDS: Final = {
    name: _Kind(model, model.noun not in NOT_STEPS, model is HandoffOffered)
    for name, model in TYPES.items()
    if model.noun not in ("identity", "interaction")
}


def ordinary(record: Record, owner: str | None) -> Accepted | None:
    """The record as an accepted interaction; None when it is not ordinary, be it right or wrong."""
    try:
        attributes = _attributes(record.headers)
        return None if attributes is None else _accepted(record, owner, attributes)
    except (Refused, ValueError, KeyError):
        return None


def _attributes(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    json = False
    for header, raw in headers:
        if header == "content-type" and raw == _JSON and not json:
            json = True
            continue
        name = _NAMES.get(header)
        if name is None or not raw or len(raw) > MAX_ATTRIBUTE_CHARACTERS or name in found:
            return None
        text = raw.decode("ascii")
        if not text.isprintable():
            return None
        found[name] = text
    if json:
        found["datacontenttype"] = "application/json"
    return found


def _accepted(record: Record, owner: str | None, attributes: Mapping[str, str]) -> Accepted | None:
    source, id, subject = attributes["source"], attributes["id"], attributes["subject"]
    org = organisation_of(source)
    kind = _KINDS[attributes["type"]]
    data = record.value
    if (
        (owner is not None and (owner != org or owner == OURS))
        or data is None
        or len(data) > MAX_DATA_BYTES
        or attributes["specversion"] != "1.0"
        or len(id) > MAX_ID_CHARACTERS
        or SUBJECT.fullmatch(subject) is None
        or personal_numbers.looks_like(id)
        or _names_somebody(attributes)
    ):
        return None
    time = instant.parse(attributes["time"])
    recorded = attributes.get("recordedtime")
    payload: Payload = kind.model.__pydantic_validator__.validate_json(data)
    content.require_json(data)
    if kind.offered and not (payload.handoff or "").startswith(f"{org}:"):
        return None
    return Accepted(
        record,
        (source, id),
        (org, subject),
        kind.step,
        attributes["type"],
        time,
        None if recorded is None else instant.parse(recorded),
        attributes.get("sequence"),
        parse_traceparent(attributes.get("traceparent")),
        payload,
        content.usual_digest_of(attributes, data),
        content.stored(attributes, data),
    )


def _names_somebody(attributes: Mapping[str, str]) -> bool:
    return any(name in attributes and personal_numbers.looks_like(attributes[name]) for name in _NAME_SOMEBODY)
