"""The HTTP binding: binary mode (`ce-` headers), structured mode and batch mode."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from pathline.cloudevent import Attribute, CloudEvent, printable_name, require_json
from pathline.codec import json_format
from pathline.errors import InvalidAttribute, Malformed, Refused, UnsupportedContentType

_PREFIX = "ce-"
# HTTP binding 1.0.2, 3.1.3.2: space, double quote, percent and all outside printable ASCII are percent-encoded.
_NEEDS_ENCODING = re.compile(r"[^!#$&-~]", re.ASCII)
# The same section: a value in double quotes (RFC 7230, 3.2.6) is taken, as older publishers write it.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.ASCII)


def decode(headers: Iterable[tuple[str, str]], body: bytes) -> list[CloudEvent | Refused]:
    """The events of one request, in order; in batch mode a bad event is its own refusal.

    Raises Refused when the request as a whole holds no event.
    """
    attributes: dict[str, Attribute] = {}
    content_type: str | None = None
    for header, text in headers:
        name = header.lower()
        if name == "content-type":
            if content_type is not None:
                raise InvalidAttribute("stands in the request twice", field=name)
            content_type = text
        elif name.startswith(_PREFIX):
            _add_attribute(attributes, name[len(_PREFIX) :], text)
    media_type = (content_type or "").split(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        _require_media_type(media_type, json_format.BATCH_CONTENT_TYPE)
        return json_format.decode_batch(body)
    if media_type.startswith("application/cloudevents"):
        _require_media_type(media_type, json_format.CONTENT_TYPE)
        return [json_format.decode(body)]
    return [_decode_binary(attributes, content_type, body)]


def encode(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the event in binary mode."""
    headers = [
        (_PREFIX + name, _percent_encode(text)) for name, text in event.text.items() if name != "datacontenttype"
    ]
    headers.append(("content-type", event.text.get("datacontenttype", "application/json")))
    return headers, event.data or b""


def encode_structured(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the event in structured mode."""
    return [("content-type", json_format.CONTENT_TYPE)], json_format.encode(event)


def encode_batch(events: list[CloudEvent]) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the events in batch mode."""
    return [("content-type", json_format.BATCH_CONTENT_TYPE)], json_format.encode_batch(events)


def _require_media_type(media_type: str, supported: str) -> None:
    if media_type != supported:
        raise UnsupportedContentType(f"this event format is not spoken here: send {supported}")


def _decode_binary(attributes: dict[str, Attribute], content_type: str | None, body: bytes) -> CloudEvent:
    if not attributes:
        raise Malformed(
            "not a CloudEvent: send ce- headers with JSON data, "
            f"{json_format.CONTENT_TYPE} or {json_format.BATCH_CONTENT_TYPE}"
        )
    require_json(content_type)
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, body.removeprefix(codecs.BOM_UTF8) or None)


def _add_attribute(attributes: dict[str, Attribute], name: str, text: str) -> None:
    if name in attributes:
        raise InvalidAttribute("stands in the request twice", field=printable_name(name))
    if name in ("data", "data_base64", "datacontenttype"):
        raise InvalidAttribute("does not travel as a ce- header", field=printable_name(name))
    try:
        attributes[name] = unquote_to_bytes(_unquote(text).encode("latin-1")).decode()
    except UnicodeError:
        raise InvalidAttribute("is not percent-encoded UTF-8 text", field=printable_name(name)) from None


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' and _QUOTED.fullmatch(text) else text


def _percent_encode(text: str) -> str:
    return _NEEDS_ENCODING.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)
