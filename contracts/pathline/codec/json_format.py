"""The JSON event format (structured mode) and the JSON batch format."""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Mapping
from typing import Final

from pydantic_core import from_json, to_json

from pathline.cloudevent import Attribute, CloudEvent, printable_name, require_json, require_size
from pathline.codec.array_elements import split_array
from pathline.codec.unique_names import has_repeated_name
from pathline.errors import InvalidAttribute, InvalidData, Malformed, Refused

CONTENT_TYPE: Final = "application/cloudevents+json"
BATCH_CONTENT_TYPE: Final = "application/cloudevents-batch+json"

_DATA_MEMBERS = ("data", "data_base64")


def decode(raw: bytes) -> CloudEvent:
    """The event in these bytes. Raises Refused, saying what is wrong, when they are none."""
    require_size(len(raw))
    return _build_event(_parse(raw))


def decode_batch(raw: bytes) -> list[CloudEvent | Refused]:
    """The events of a batch in order, each alone: a bad one is its refusal and leaves its neighbours be.

    Raises Malformed when the whole is not a JSON array.
    """
    try:
        items = _parse(raw)
    except Malformed:
        # One of them may be at fault, and not the whole.
        if (parts := split_array(raw)) is None:
            raise
        return [_decode_batch_part(part) for part in parts]
    if not isinstance(items, list):
        raise Malformed(f"a batch is a JSON array of events; send one event as {CONTENT_TYPE}")
    return [_decode_batch_item(item) for item in items]


def encode(event: CloudEvent) -> bytes:
    """The event as one JSON object, its attributes first."""
    head = to_json(dict(event.attributes))
    return head if event.data is None else head[:-1] + b',"data":' + event.data + b"}"


def encode_batch(events: list[CloudEvent]) -> bytes:
    """The events as one JSON array."""
    return b"[" + b",".join(encode(event) for event in events) + b"]"


def _parse(raw: bytes) -> object:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        # jiter's messages name a place and a kind of mistake, never the text.
        raise Malformed(f"not JSON: {error}") from None
    if has_repeated_name(raw):
        raise Malformed("not JSON that all read alike: an object names a member twice; name it once")
    return value


def _decode_batch_part(part: bytes) -> CloudEvent | Refused:
    try:
        return decode(part)
    except Refused as error:
        return error


def _decode_batch_item(item: object) -> CloudEvent | Refused:
    try:
        return _build_event(item)
    except Refused as error:
        return error


def _build_event(item: object) -> CloudEvent:
    if not isinstance(item, dict):
        raise Malformed("an event is a JSON object")
    attributes = {
        name: _require_attribute(name, value)
        for name, value in item.items()
        if name not in _DATA_MEMBERS and value is not None
    }
    content_type = attributes.get("datacontenttype")
    require_json(content_type if isinstance(content_type, str) else None)
    return CloudEvent(attributes, _encode_data(item))


def _require_attribute(name: str, value: object) -> Attribute:
    if isinstance(value, str | bool | int):
        return value
    raise InvalidAttribute("a context attribute is text, an integer or a boolean", field=printable_name(name))


def _encode_data(item: Mapping[str, object]) -> bytes | None:
    if item.get("data_base64") is not None:
        return _decode_base64(item)
    if "data" not in item:
        return None
    try:
        return to_json(item["data"], inf_nan_mode="constants")
    except ValueError:
        raise InvalidData("holds text that is not Unicode", field="data") from None


def _decode_base64(item: Mapping[str, object]) -> bytes:
    encoded = item["data_base64"]
    if "data" in item:
        raise Malformed("send data or data_base64, not both", field="data_base64")
    try:
        raw = base64.b64decode(encoded if isinstance(encoded, str) else "!", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("is not base64 text", field="data_base64") from None
    return raw
