"""Any valid event: an envelope around any valid payload of the vocabulary."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from pathline.cloudevent import CloudEvent
from pathline.vocabulary import TYPES, Payload
from support.generators.payloads import instants, payload, subjects

ORG = "agency-1"
SOURCE = f"urn:pathline:{ORG}:system"

_allowed = st.characters(
    exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="".join(map(chr, range(0xFDD0, 0xFDF0)))
)
ids = st.text(_allowed, min_size=1, max_size=40).map(lambda text: f"id-{text}")
extensions = st.fixed_dictionaries(
    {},
    optional={
        "traceparent": st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        "correlationid": ids,
        "sequence": st.integers(0, 10**6).map("seq-{:07}".format),
        "recordedtime": instants,
        "ownextension": st.booleans() | st.integers(-(2**31), 2**31 - 1) | ids,
    },
)


def fitting(cls: type[Payload], data: dict[str, Any]) -> dict[str, Any]:
    """The payload, with the references that must name the organisation itself doing so."""
    match cls.type.removeprefix("org.pathline."):
        case "handoff.offered.v1":
            return {**data, "handoff": f"{ORG}:1"}
        case "interaction.voided.v1" | "interaction.corrected.v1":
            return {**data, "source": SOURCE}
        case "identity.retracted.v1":
            return {**data, "evidence": {**data["evidence"], "source": SOURCE}}
    return data


def events_of(cls: type[Payload]) -> st.SearchStrategy[CloudEvent]:
    """Any event of this type."""
    return st.builds(
        _event, st.just(cls), ids, subjects, instants, extensions, payload(cls).map(lambda data: fitting(cls, data))
    )


def events() -> st.SearchStrategy[CloudEvent]:
    """Any event of the vocabulary."""
    return st.sampled_from(list(TYPES.values())).flatmap(events_of)


def _event(
    cls: type[Payload], id: str, subject: str, time: str, more: dict[str, Any], data: dict[str, Any]
) -> CloudEvent:
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": cls.type,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        **more,
    }
    return CloudEvent(attributes, json.dumps(data).encode())
