"""The Kafka binding of CloudEvents: an event as headers and value of a record, and back. No client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pathline.cloudevent import Attribute, CloudEvent, printable_name, require_json, require_size
from pathline.codec import json_format
from pathline.errors import InvalidAttribute, Malformed

Headers = Sequence[tuple[str, bytes | None]]
"""Kafka record headers in order; names may repeat and values may be null."""

_PREFIX = "ce_"


def decode(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> CloudEvent:
    """The event in a Kafka record: structured exactly when its content-type starts with `application/cloudevents`.

    Raises Refused, saying what is wrong, when there is none.
    """
    content_type = None
    attributes: dict[str, Attribute] = {}
    size = len(value or b"")
    for header, raw in headers:
        size += len(header) + len(raw or b"")
        require_size(size)
        name = header.lower()
        if name.startswith(_PREFIX):
            _add_attribute(attributes, name[len(_PREFIX) :], raw)
        elif name == "content-type":
            if content_type is not None:
                raise InvalidAttribute("stands in the record twice", field=name)
            content_type = _decode_text(name, raw)
    if content_type is not None and content_type.strip().lower().startswith("application/cloudevents"):
        return _decode_structured(content_type, value)
    return _decode_binary(attributes, content_type, value)


def encode(event: CloudEvent) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """Headers and value of the event in binary mode."""
    headers = [(_PREFIX + name, text.encode()) for name, text in event.text.items() if name != "datacontenttype"]
    if event.data is not None or "datacontenttype" in event.attributes:
        headers.append(("content-type", event.text.get("datacontenttype", "application/json").encode()))
    return headers, event.data


def encode_structured(event: CloudEvent) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and value of the event in structured mode."""
    return [("content-type", f"{json_format.CONTENT_TYPE}; charset=UTF-8".encode())], json_format.encode(event)


def _decode_structured(content_type: str, value: bytes | None) -> CloudEvent:
    if content_type.strip().lower().startswith("application/cloudevents-batch"):
        raise Malformed("Kafka has no batch mode: send one record an event")
    if value is None:
        raise Malformed("the record has no value")
    return json_format.decode(value)


def _decode_binary(attributes: dict[str, Attribute], content_type: str | None, value: bytes | None) -> CloudEvent:
    if not attributes:
        raise Malformed("not a CloudEvent: neither ce_ headers nor content-type application/cloudevents+json")
    if "datacontenttype" in attributes:
        raise InvalidAttribute("travels as content-type, not as ce_datacontenttype", field="datacontenttype")
    require_json(content_type)
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, value)


def _add_attribute(attributes: dict[str, Attribute], name: str, raw: bytes | None) -> None:
    text = _decode_text(name, raw)
    if name in attributes:
        raise InvalidAttribute("stands in the record twice", field=printable_name(name))
    if name in ("data", "data_base64"):
        raise InvalidAttribute("is no context attribute: the record's value is the data", field="data")
    attributes[name] = text


def _decode_text(name: str, raw: bytes | None) -> str:
    if raw is None:
        raise InvalidAttribute("has no value", field=printable_name(name))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidAttribute("is not UTF-8 text", field=printable_name(name)) from None
