"""The context attributes of an event as schemas: what the gateway checks, what it understands, what it keeps."""

from __future__ import annotations

from typing import Any, Final

from pathline import instant
from pathline.cloudevent import MAX_ATTRIBUTE_CHARACTERS
from pathline.interaction import MAX_ID_CHARACTERS, REQUIRED_ATTRIBUTES, SUBJECT_REGEX

Schema = dict[str, Any]

SUBJECT_PATTERN: Final = f"^{SUBJECT_REGEX.pattern}$"

_TEXT: Final[Schema] = {
    "type": "string",
    "maxLength": MAX_ATTRIBUTE_CHARACTERS,
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]*$",
}
_INSTANT: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "maxLength": MAX_ATTRIBUTE_CHARACTERS,
    "pattern": instant.RFC3339_PATTERN,
}
_SOURCE: Final[Schema] = {
    "type": "string",
    "maxLength": len("urn:pathline::") + 64 + 64,
    "pattern": r"^urn:pathline:[a-z0-9]+(?:-[a-z0-9]+)*:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    "not": {"pattern": r"^urn:pathline:(?:door-[0-9]+|[a-z0-9-]{65,}):"},
}


def attribute_schemas() -> dict[str, Schema]:
    """Every attribute that is understood, less `type` and `datacontenttype`, as the text that a header carries."""
    return {name: {**schema, "description": _DESCRIPTIONS[name]} for name, schema in _SCHEMAS.items()}


def unknown_attribute_schema() -> Schema:
    """Any other attribute: it is kept as it came."""
    return dict(_TEXT)


_SCHEMAS: Final[dict[str, Schema]] = {
    "specversion": {"type": "string", "const": "1.0"},
    "id": {**_TEXT, "minLength": 1, "maxLength": MAX_ID_CHARACTERS},
    "source": _SOURCE,
    "subject": {"type": "string", "pattern": SUBJECT_PATTERN},
    "time": _INSTANT,
    "recordedtime": _INSTANT,
    "sequence": _TEXT,
    "correlationid": _TEXT,
    "causationid": _TEXT,
    "traceparent": _TEXT,
    "tracestate": _TEXT,
    "expirytime": _INSTANT,
    "dataref": _TEXT,
    "dataclassification": _TEXT,
    "dataschema": _TEXT,
    "partitionkey": _TEXT,
}

_DESCRIPTIONS: Final = {
    "specversion": "The version of CloudEvents.",
    "id": "The publisher's own id of what happened. With `source` it is the identity of the event: sent again, it"
    " changes nothing. Never a personal number.",
    "source": "`urn:pathline:<organisation>:<system>`; the organisation is on the gateway's register.",
    "subject": "The publisher's pseudonym of the person: the epoch of the key, and 16 bytes in base64url.",
    "time": "When it happened, with an offset.",
    "recordedtime": "When the publisher wrote it down.",
    "sequence": "The publisher's own order of events with equal `time`: compared as text, absent first.",
    "correlationid": "What belongs together at the publisher, such as a visit. Never a personal number.",
    "causationid": "The id of the event that brought this one about. Never a personal number.",
    "traceparent": "W3C trace context of the call that published. The gateway links to it and never replaces it.",
    "tracestate": "W3C trace state that belongs to `traceparent`.",
    "expirytime": "When the event is no longer of use to whom it was meant for.",
    "dataref": "Where a document is kept that is too large to travel.",
    "dataclassification": "How the publisher classifies the data.",
    "dataschema": "The schema that the publisher wrote the data by; the type decides what it is held against.",
    "partitionkey": "Kept with the way that the event took; the record's key is the subject whatever it says.",
}


def required_names(prefix: str = "") -> list[str]:
    """The attributes that every interaction has."""
    return [prefix + name for name in REQUIRED_ATTRIBUTES]
