"""What the stored bytes of an event say, read again from the payload alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from pathline import instant
from pathline.cloudevent import CloudEvent
from pathline.errors import Refused
from pathline.interaction import Interaction, accept
from pathline.vocabulary import TYPES, Payload
from pathline_gateway.intake.record_parser import compute_content_digest
from pathline_gateway.pathways.stored_bytes import split_payload

Row = Mapping[str, Any]
"""A row of `interaction` or `evidence`, with names for numbers."""

CLEAR_COLUMNS = (
    ("service", "service"),
    ("channel", "channel"),
    ("initiator", "initiator"),
    ("actor", "actor"),
    ("phase", "coproduction"),
    ("participation", "participation"),
    ("horizon", "horizon"),
    ("handoff", "handoff"),
)
"""Clear columns, and the fields of the data that they repeat."""


@dataclass(frozen=True)
class StoredPayload:
    """The parts of a payload: further attributes, and the data; as bytes and as what they say."""

    extra: bytes
    data: bytes
    data_as_sent: bytes
    attributes: Mapping[str, Any]
    fields: Mapping[str, Any]
    time: datetime
    recordedtime: datetime | None


def parse_payload(payload: bytes) -> StoredPayload:
    """The payload, read. Raises ValueError when it cannot be."""
    parts = split_payload(payload)
    attributes, fields = orjson.loads(parts.extra), orjson.loads(parts.data)
    if not isinstance(attributes, dict) or not isinstance(fields, dict):
        raise ValueError("is no pair of JSON objects")
    return StoredPayload(
        parts.extra,
        parts.data,
        parts.data_as_sent,
        attributes,
        fields,
        _parse_instant(attributes.get("time")),
        _parse_recordedtime(attributes),
    )


def rebuild_event(row: Row, stored: StoredPayload, *, as_sent: bool = True) -> Interaction[Payload] | None:
    """The event that is stored in this row, put together again; None when it keeps no contract.

    `as_sent`: under the names that its publisher used, and not with what they stand for.
    """
    columns = {name: row[name] for name in ("id", "source", "type", "subject", "sequence") if row[name] is not None}
    data = stored.data_as_sent if as_sent else stored.data
    try:
        return accept(CloudEvent({"specversion": "1.0", **columns, **stored.attributes}, data))
    except Refused:
        return None


def digest_of(event: Interaction[Payload] | None) -> bytes | None:
    """The digest of its content."""
    return None if event is None else compute_content_digest(event)


def columns_agree(row: Row, stored: StoredPayload) -> bool:
    """Whether the payload columns of this interaction are what its payload says."""
    activity = activity_of(row["type"], stored.fields)
    return (
        instants_agree(row, stored)
        and row["activity"] == activity
        and all(row[column] == stored.fields.get(field) for column, field in CLEAR_COLUMNS)
    )


def instants_agree(row: Row, stored: StoredPayload) -> bool:
    """Whether instants and trace of this row are what its payload says."""
    return (
        row["time"] == stored.time
        and row["recordedtime"] == stored.recordedtime
        and (row["trace_id"], row["span_id"]) == _parse_traceparent(stored.attributes.get("traceparent"))
    )


def activity_of(type_name: str, fields: Mapping[str, Any]) -> str | None:
    """The activity, where the type has one."""
    text = fields.get("activity") if "activity" in TYPES[type_name].model_fields else None
    return text if isinstance(text, str) else None


def _parse_instant(text: object) -> datetime:
    return instant.parse(str(text)).astimezone(UTC)


def _parse_recordedtime(attributes: Mapping[str, Any]) -> datetime | None:
    text = attributes.get("recordedtime")
    return None if text is None else _parse_instant(text)


def _parse_traceparent(traceparent: object) -> tuple[bytes | None, bytes | None]:
    """W3C trace context: version, trace id, span id, flags; zeros and version ff are none."""
    version, trace, span, flags = (*str(traceparent).split("-", 3), "", "", "")[:4]
    parts = version, trace, span, flags[:2]
    if [len(part) for part in parts] != [2, 32, 16, 2] or set("".join(parts)) - set("0123456789abcdef"):
        return None, None
    if version == "ff" or set(trace) == {"0"} or set(span) == {"0"}:
        return None, None
    return bytes.fromhex(trace), bytes.fromhex(span)
