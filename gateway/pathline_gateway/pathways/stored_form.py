"""How a step is stored: as the JSON by which it is served, rendered once. Pure.

A step as it is served is one object of four parts. Its *kind* is what many steps share, and its *ref* is whose it is.
Its *place* is what columns hold besides: id, time and sequence. Its *payload* is all else that is its own: the text of
members. A line feed, which JSON takes for white space, stands before `attributes` and before `data`. So both are found
without reading any JSON.

Where its publisher used names of her own, the data says what they stand for. A record separator follows, which is in no
JSON text, and the data as it was sent.

Evidence is never served as a step. It is kept as attributes, a line feed, data (`stored_bytes.py`); so were steps of
earlier versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

import orjson

from pathline import instant
from pathline.vocabulary import ActivityRecorded
from pathline_gateway.pathways.stored_bytes import RECORD_SEPARATOR, split_payload
from pathline_gateway.telemetry.instruments import parse_traceparent

_ATTRIBUTES: Final = b'\n,"attributes":'
_DATA: Final = b'\n,"data":'
_EVIDENCE_BEGINS: Final = b"{"
_json_text: Final = encode_basestring
"""A JSON string. It escapes what must be escaped, and nothing else."""


class StepKind(NamedTuple):
    """What many steps have in common: never a free text, by which one person could be told from others."""

    source: str
    type: str
    service: str | None = None
    channel: str | None = None
    initiator: str | None = None
    actor: str | None = None

    def render(self) -> bytes:
        """Its members, without braces."""
        return orjson.dumps(self._asdict())[1:-1]


def render_ref(org: str, subject: str | None) -> bytes:
    """The members that say whose a step is, without braces; None where that is not told."""
    return f'"org":{_json_text(org)},"subject":{_text_or_null(subject)}'.encode()


def render_place(id: str, time: str, sequence: str | None) -> bytes:
    """The members that say which step it is and where it stands, without braces; `time` as it is served."""
    return f'"id":{_json_text(id)},"time":"{time}","sequence":{_text_or_null(sequence)}'.encode()


def render_payload(
    recordedtime: datetime | None,
    activity: str | None,
    attributes: bytes,
    data: bytes,
    sent_data: bytes | None = None,
) -> bytes:
    """The payload of a step; `attributes` and `data` are JSON, the first without a line feed."""
    recorded = "null" if recordedtime is None else f'"{instant.to_text(recordedtime)}"'
    head = f'"recordedtime":{recorded},"activity":{_text_or_null(activity)}'
    members = b"".join((head.encode(), _ATTRIBUTES, attributes, _DATA, data))
    return members if sent_data is None else members + RECORD_SEPARATOR + sent_data


def join_step(kind: bytes, ref: bytes, place: bytes, payload: bytes) -> bytes:
    """The step as it is served, from its rendered parts: as it is meant."""
    return b"{%b,%b,%b,%b}" % (kind, ref, place, payload.partition(RECORD_SEPARATOR)[0])


class OpenedPayload(NamedTuple):
    """What a stored payload holds."""

    head: bytes
    """The members before attributes and data, without braces; empty where it is not rendered."""
    attributes: bytes
    """Further envelope attributes, as JSON."""
    data: bytes
    """The data as it is meant: names stand for nothing but what they name."""
    sent_data: bytes | None
    """The data as it was sent, where that is not the same."""

    @property
    def data_as_sent(self) -> bytes:
        """What its publisher is shown."""
        return self.data if self.sent_data is None else self.sent_data

    @property
    def is_rendered(self) -> bool:
        """Whether it is of a step, as this version stores one."""
        return bool(self.head)

    def traceparent(self) -> tuple[bytes, bytes] | None:
        """Trace id and span id of the call that published it."""
        if b'"traceparent"' not in self.attributes:
            return None
        return parse_traceparent(orjson.loads(self.attributes).get("traceparent"))

    def activity(self) -> str | None:
        """What was done, in the publisher's words; of what is rendered."""
        if b'"activity":null' in self.head:
            return None
        activity: str | None = orjson.loads(b"{%b}" % self.head)["activity"]
        return activity

    def recordedtime(self) -> datetime | None:
        """When it was written down, in UTC."""
        if b'"recordedtime"' not in self.attributes:
            return None
        text = orjson.loads(self.attributes).get("recordedtime")
        return None if text is None else instant.parse(text).astimezone(UTC)


def kind_of_data(source: str, type: str, data: Mapping[str, Any]) -> StepKind:
    """The kind of a step with this data."""
    return StepKind(source, type, data.get("service"), data.get("channel"), data.get("initiator"), data.get("actor"))


def activity_of_data(type: str, data: Mapping[str, Any]) -> str | None:
    """What was done, in the publisher's words; only steps of one type say it."""
    return data.get("activity") if type == ActivityRecorded.type else None


def open_payload(payload: bytes) -> OpenedPayload:
    """The parts of a payload: of a step, of a step of an earlier version, or of evidence."""
    if payload.startswith(_EVIDENCE_BEGINS):
        return OpenedPayload(b"", *split_payload(payload))
    head, attributes, data = payload.split(b"\n", 2)
    meant_data, separator, sent_data = data.partition(RECORD_SEPARATOR)
    return OpenedPayload(
        head, attributes[len(_ATTRIBUTES) - 1 :], meant_data[len(_DATA) - 1 :], sent_data if separator else None
    )


def kept_content(payload: bytes) -> bytes:
    """Attributes, a line feed, data: what two events of one identity are compared by."""
    opened = open_payload(payload)
    return opened.attributes + b"\n" + opened.data_as_sent if opened.is_rendered else payload


def render_earlier(source: str, type: str, opened: OpenedPayload) -> tuple[StepKind, bytes]:
    """Kind and payload of a step that an earlier version stored. Raises ValueError where it is no pair of objects."""
    data, attributes = orjson.loads(opened.data), orjson.loads(opened.attributes)
    if not isinstance(data, dict) or not isinstance(attributes, dict):
        raise ValueError("is no pair of JSON objects")
    activity = activity_of_data(type, data)
    payload = render_payload(opened.recordedtime(), activity, opened.attributes, opened.data, opened.sent_data)
    return kind_of_data(source, type, data), payload


def is_access_deciding(handoff: str | None, data: bytes) -> bool:
    """Whether it may decide what others see: it names a hand-off, or a mandate. `\\u` may spell anything."""
    return handoff is not None or b'"mandate"' in data or b"\\u" in data


def _text_or_null(text: str | None) -> str:
    return "null" if text is None else _json_text(text)
