"""The document: what one writes to which topic, and who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pathline.asyncapi.attributes import SUBJECT_PATTERN
from pathline.asyncapi.delivery_messages import (
    delivery_headers_schema,
    delivery_messages,
    out_channel,
    out_operations,
    pathway_key,
)
from pathline.asyncapi.deployment import Deployment
from pathline.asyncapi.messages import envelopes, messages
from pathline.asyncapi.payloads import payload_schemas
from pathline.producer import TOPIC_PREFIX

Json = dict[str, Any]

VERSION: Final = "3.0.0"
"""Of AsyncAPI. 3.1 adds nothing for Kafka, and fewer tools read it."""
_BINDING_VERSION: Final = "0.5.0"
"""Of AsyncAPI's Kafka bindings."""
_DEFAULT_DEPLOYMENT: Final = Deployment()


def document(schemas: Mapping[str, Mapping[str, Any]], deployment: Deployment = _DEFAULT_DEPLOYMENT) -> Json:
    """The AsyncAPI document of a gateway, from the schemas of all types."""
    names = list(messages())
    return {
        "asyncapi": VERSION,
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": deployment.build_servers(),
        "channels": {
            "in": _org_channel(names),
            "door": _door_channel(names, deployment.door_topic),
            "out": out_channel(),
        },
        "operations": {**_operations(deployment.group), **out_operations()},
        "components": _components(schemas, deployment),
    }


def _info() -> Json:
    return {
        "title": "Pathline",
        "version": "1",
        "description": "What happened between a person and a service, published to Kafka as CloudEvents. The key of"
        " each is the publisher's own pseudonym of the person. The HTTP side is in /openapi.json.",
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [
            {"name": "publisher", "description": "What an organisation does"},
            {"name": "gateway", "description": "What the gateway does"},
            {"name": "subscriber", "description": "What a reader does"},
        ],
    }


def _org_channel(names: list[str]) -> Json:
    return {
        "address": f"{TOPIC_PREFIX}{{org}}",
        "title": "An organisation's own topic",
        "description": "One organisation writes here, and its `source` names the same organisation. The gateway finds"
        " new topics by their prefix. What cannot be accepted is parked with its reason, and holds up nothing.",
        "parameters": {
            "org": {
                "description": "The organisation's code on the register: lower-case words with hyphens, at most 64"
                " characters. None is called door-<number>.",
                "examples": ["food-bank"],
            }
        },
        "messages": _message_refs(names),
    }


def _door_channel(names: list[str], topic: str) -> Json:
    return {
        "address": topic,
        "title": "What came over HTTP",
        "description": "The gateway alone writes here: the events that organisations sent to POST /v1/events. No"
        " organisation needs rights to it.",
        "messages": _message_refs(names),
        "bindings": {"kafka": {"topic": topic, "bindingVersion": _BINDING_VERSION}},
    }


def _message_refs(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _operations(group: str) -> Json:
    consumer_bindings = {"kafka": {"groupId": {"type": "string", "const": group}, "bindingVersion": _BINDING_VERSION}}
    return {
        "publish": {
            "action": "send",
            "channel": {"$ref": "#/channels/in"},
            "title": "Publish",
            "summary": "An organisation says what happened.",
            "description": "In binary mode (one message a type) or in structured mode. Publishing the same event again"
            " changes nothing, so after an error it is simply sent again.",
            "tags": [{"name": "publisher"}],
        },
        "relay": {
            "action": "send",
            "channel": {"$ref": "#/channels/door"},
            "title": "Relay",
            "summary": "The gateway passes on what it was sent over HTTP, in binary mode.",
            "tags": [{"name": "gateway"}],
        },
        "takeIn": _receive_operation("in", "The gateway reads what organisations publish.", consumer_bindings),
        "takeInRelayed": _receive_operation("door", "The gateway reads what it relayed.", consumer_bindings),
    }


def _receive_operation(channel: str, summary: str, bindings: Json) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": "Intake",
        "summary": summary,
        "tags": [{"name": "gateway"}],
        "bindings": bindings,
    }


def _components(schemas: Mapping[str, Mapping[str, Any]], deployment: Deployment) -> Json:
    key = {
        "type": "string",
        "pattern": SUBJECT_PATTERN,
        "description": "The event's subject, so that events about a person stay in order.",
    }
    components: Json = {
        "messages": {**messages(), **delivery_messages()},
        "schemas": {**envelopes(schemas), "DeliveryHeaders": delivery_headers_schema(), **payload_schemas(schemas)},
        "correlationIds": {
            "inHeaders": {
                "description": "The attribute correlationid.",
                "location": "$message.header#/ce_correlationid",
            },
            "inPayload": {"description": "The attribute correlationid.", "location": "$message.payload#/correlationid"},
        },
        "messageBindings": {
            "bySubject": {"kafka": {"key": key, "bindingVersion": _BINDING_VERSION}},
            "byPathway": {"kafka": {"key": pathway_key(), "bindingVersion": _BINDING_VERSION}},
        },
    }
    schemes = deployment.build_security_schemes()
    return {**components, "securitySchemes": schemes} if schemes else components
