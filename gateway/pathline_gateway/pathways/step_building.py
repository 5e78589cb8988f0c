"""A whole step, from its columns and its payload. Pure."""

from __future__ import annotations

from datetime import datetime

import orjson

from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_form import StepKind, activity_of_data, kind_of_data, open_payload

Identity = tuple[str, str, str, datetime]
"""Source, id, type and time of a step."""


def build_step(
    identity: Identity, ref: tuple[str, str], kind: StepKind | None, sequence: str | None, payload: bytes
) -> Step:
    """The step; `kind` is None where an earlier version stored it, and then its data says that, too."""
    source, id, type, time = identity
    opened = open_payload(payload)
    if kind is None:
        data = orjson.loads(opened.data)
        kind, activity = kind_of_data(source, type, data), activity_of_data(type, data)
    else:
        activity = opened.activity()
    trace_id, span_id = opened.traceparent() or (None, None)
    return Step(
        source, id, type, time, opened.recordedtime(), *ref, kind.service, kind.channel, activity, kind.initiator,
        kind.actor, sequence, trace_id, span_id, opened.attributes, opened.data, opened.sent_data,
    )  # fmt: skip
