"""A pathway as it is served: one shape for every reader. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from pathline import instant
from pathline_gateway.pathways.step import Step


@dataclass(frozen=True, slots=True)
class PathwayContent:
    """What one reader is told of a pathway, or of a page of it."""

    pathway: UUID
    """As this reader calls it."""
    subjects: Sequence[tuple[str, str]]
    steps: Sequence[Step]
    subject_hidden: frozenset[int] = frozenset()
    """The places of those steps of whose subject she is told nothing."""
    handoffs: Sequence[object] = ()
    next: str | None = None
    """How she asks for the next page, where there is one."""


def serialize_pathway(served: PathwayContent, version: str) -> dict[str, object]:
    """The body of an answer."""
    body: dict[str, object] = {
        "pathway": str(served.pathway),
        "version": version,
        "subjects": [{"org": org, "subject": subject} for org, subject in served.subjects],
        "legs": [{"org": org, "service": service} for org, service in distinct_legs(served.steps)],
        "steps": [
            serve_step(step) | {"subject": None} if place in served.subject_hidden else serve_step(step)
            for place, step in enumerate(served.steps)
        ],
        "handoffs": served.handoffs,
        "facts": [],
    }
    return body if served.next is None else body | {"next": served.next}


def distinct_legs(steps: Iterable[Step]) -> list[tuple[str, str | None]]:
    """Each organisation and service once, in the order of the steps."""
    return list(dict.fromkeys((step.org, step.service) for step in steps))


def serve_step(step: Step) -> dict[str, object]:
    """A step as it is served; its data as it was sent."""
    return {
        "source": step.source,
        "id": step.id,
        "type": step.type,
        "time": instant.to_text(step.time),
        "recordedtime": None if step.recordedtime is None else instant.to_text(step.recordedtime),
        "org": step.org,
        "service": step.service,
        "channel": step.channel,
        "activity": step.activity,
        "initiator": step.initiator,
        "actor": step.actor,
        "sequence": step.sequence,
        "subject": step.subject,
        "attributes": orjson.Fragment(step.extra),
        "data": orjson.Fragment(step.data),
    }
