"""What the stored bytes of an event say, read again from the payload alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from pathline import instant
from pathline.cloudevent import CloudEvent
from pathline.errors import Refused
from pathline.interaction import Interaction, accept
from pathline.vocabulary import TYPES, Payload
from pathline_gateway.intake.record_parser import compute_content_digest
from pathline_gateway.pathways.stored_form import open_payload

Row = Mapping[str, Any]
"""A row of `interaction` or `evidence`, with names for numbers."""


_FIELDS_OF_KIND: Final = ("service", "channel", "initiator", "actor")


@dataclass(frozen=True)
class StoredPayload:
    """The parts of a payload: members of its own, further attributes, and the data; the last two also as what they say.

    `head` is empty where it is not of a step as this version stores one.
    """

    head: bytes
    extra: bytes
    data: bytes
    data_as_sent: bytes
    attributes: Mapping[str, Any]
    fields: Mapping[str, Any]
    time: datetime
    recordedtime: datetime | None


def parse_payload(payload: bytes) -> StoredPayload:
    """The payload, read. Raises ValueError when it cannot be."""
    opened = open_payload(payload)
    attributes, fields = orjson.loads(opened.attributes), orjson.loads(opened.data)
    if not isinstance(attributes, dict) or not isinstance(fields, dict):
        raise ValueError("is no pair of JSON objects")
    return StoredPayload(
        opened.head,
        opened.attributes,
        opened.data,
        opened.data_as_sent,
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
    """Whether the columns of this interaction, and its kind, are what its payload says."""
    return (
        row["time"] == stored.time
        and row["handoff"] == stored.fields.get("handoff")
        and (row["kind"] is None or _kind_agrees(row, stored))
    )


def _kind_agrees(row: Row, stored: StoredPayload) -> bool:
    names_mandate = b'"mandate"' in stored.data or b"\\u" in stored.data
    return (
        row["kind_agrees"]
        and row["is_access_deciding"] == (row["handoff"] is not None or names_mandate)
        and all(row[name] == stored.fields.get(name) for name in _FIELDS_OF_KIND)
    )


def is_rendered_as_served(row: Row, stored: StoredPayload) -> bool:
    """Whether the members of its own are, to the byte, those that its attributes and data make."""
    if row["kind"] is None:  # an earlier version stored it
        return not stored.head
    recordedtime = None if stored.recordedtime is None else render_instant(stored.recordedtime)
    members = (
        ("recordedtime", recordedtime),
        ("activity", activity_of(row["type"], stored.fields)),
    )
    head = ",".join(f'"{name}":{json.dumps(text, ensure_ascii=False)}' for name, text in members)
    whole = b'%b\n,"attributes":%b\n,"data":%b' % (head.encode(), stored.extra, stored.data)
    meant, separator, sent = row["payload"].partition(b"\x1e")
    return bool(meant == whole and (sent == stored.data_as_sent if separator else True))


def render_instant(time: datetime) -> str:
    """An instant in UTC as it is served."""
    return (
        f"{time.year:04}-{time.month:02}-{time.day:02}"
        f"T{time.hour:02}:{time.minute:02}:{time.second:02}.{time.microsecond:06}Z"
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
