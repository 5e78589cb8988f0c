"""What the gateway writes to the topic of a subscription, as AsyncAPI messages: events as told, and its own notices."""

from __future__ import annotations

from typing import Any, Final

from pathline.asyncapi.payloads import SCHEMAS_PREFIX
from pathline.vocabulary.notices import NOTICES, Notice

DELIVERY: Final = "delivery"
"""The name of the message of an event, whatever its type."""
OUT_PREFIX: Final = "pathline.out."
"""Topics of subscriptions begin so; the id of the subscription follows."""

_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}
_ATTRIBUTES: Final[dict[str, dict[str, Any]]] = {
    "specversion": {"type": "string", "const": "1.0", "description": "The version of CloudEvents."},
    "id": {"type": "string", "minLength": 1, "description": "The reader's name of the event, with `source`."},
    "source": {"type": "string", "minLength": 1, "description": "Who published, as far as the reader may know."},
    "number": {
        **_NUMBER,
        "description": "The running number: a gap always means loss. Canaries and revisions have none.",
    },
    "series": {**_NUMBER, "description": "The series of the number, of a replay."},
    "pathway": {"type": "string", "description": "The reader's name of the person's pathway."},
    "time": {"type": "string", "format": "date-time", "description": "When it happened."},
    "dataref": {"type": "string", "description": "Where the whole event is, relative to the address of the gateway."},
    "oversized": {"type": "string", "const": "true", "description": "It came thin: the topic takes none so large."},
    "first": {**_NUMBER, "description": "The first of the numbers that are forgotten."},
    "regarding": {**_NUMBER, "description": "The number of the event that was revised."},
    "eventsource": {"type": "string", "description": "The source of the event that was revised."},
    "eventid": {"type": "string", "description": "The id of the event that was revised."},
    "because": {"type": "string", "enum": ["corrected", "withheld"], "description": "Why an event was revised."},
}


def delivery_messages() -> dict[str, Any]:
    """Every message of a subscription's topic, by name."""
    return {DELIVERY: _delivery_message()} | {name: _notice_message(name, kind) for name, kind in NOTICES.items()}


def delivery_headers_schema() -> dict[str, Any]:
    """The headers that all of them have; further attributes as their publisher sent them."""
    return {
        "type": "object",
        "description": "Binary mode of the Kafka binding of CloudEvents 1.0.2: attributes as headers.",
        "required": [f"ce_{name}" for name in ("specversion", "id", "source", "type")],
        "properties": {
            **{f"ce_{name}": schema for name, schema in _ATTRIBUTES.items()},
            "ce_type": {"type": "string", "description": "What happened."},
            "content-type": {"type": "string", "description": "The format of the value; absent where it is empty."},
            "traceparent": {"type": "string", "description": "W3C trace context of the delivery."},
        },
    }


def out_channel() -> dict[str, Any]:
    """The topic of a subscription."""
    return {
        "address": f"{OUT_PREFIX}{{subscription}}",
        "title": "The topic of a subscription",
        "description": "The gateway alone writes here, and one reader reads, in the consumer group of the same name and"
        " with isolation.level=read_committed. The gateway makes the topic with the subscription, and deletes it.",
        "parameters": {"subscription": {"description": "The id of the subscription."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in delivery_messages()},
    }


def out_operations() -> dict[str, Any]:
    """What the gateway, and what the reader does there."""
    channel = {"$ref": "#/channels/out"}
    return {
        "deliver": {
            "action": "send",
            "channel": channel,
            "title": "Deliver",
            "summary": "The gateway writes the events of a subscription, by number, each pathway in order.",
            "tags": [{"name": "gateway"}],
        },
        "listen": {
            "action": "receive",
            "channel": channel,
            "title": "Listen",
            "summary": "A reader is told what her organisation subscribed to.",
            "tags": [{"name": "subscriber"}],
        },
    }


def pathway_key() -> dict[str, Any]:
    """The key of these records."""
    return {
        "type": "string",
        "description": "What the reader calls the person's pathway; absent where she has no name for it.",
    }


def _delivery_message() -> dict[str, Any]:
    return {
        "name": DELIVERY,
        "title": "An event, as its reader may know it",
        "summary": "The data of its type, less what the reader may not know. It is empty where the event is thin.",
        "contentType": "application/json",
        "headers": {"$ref": f"{SCHEMAS_PREFIX}DeliveryHeaders"},
        "payload": {"description": "The payload of its type as far as it may be known."},
        "bindings": {"$ref": "#/components/messageBindings/byPathway"},
    }


def _notice_message(name: str, kind: type[Notice]) -> dict[str, Any]:
    summary = (kind.__doc__ or kind.title).strip().splitlines()[0]
    has_data = "data" in kind.model_fields
    described = "Of what something is said." if has_data else "Nothing: all stands in the headers."
    return {
        "name": name,
        "title": kind.title,
        "summary": summary,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": ["ce_type"],
            "properties": {"ce_type": {"type": "string", "const": name, "description": "The content of the notice."}},
            "allOf": [{"$ref": f"{SCHEMAS_PREFIX}DeliveryHeaders"}],
        },
        "payload": {"type": "object", "description": described} if has_data else {"description": described},
        "bindings": {"$ref": "#/components/messageBindings/byPathway"},
    }
