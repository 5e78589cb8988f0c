"""A pathway as it is served: one shape for every reader. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from pathline import instant
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_form import StepKind, join_step, render_payload, render_place, render_ref


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
            orjson.Fragment(serve_step(step, is_subject_hidden=place in served.subject_hidden))
            for place, step in enumerate(served.steps)
        ],
        "handoffs": served.handoffs,
        "facts": [],
    }
    return body if served.next is None else body | {"next": served.next}


def distinct_legs(steps: Iterable[Step]) -> list[tuple[str, str | None]]:
    """Each organisation and service once, in the order of the steps."""
    return list(dict.fromkeys((step.org, step.service) for step in steps))


def serve_step(step: Step, *, is_subject_hidden: bool = False) -> bytes:
    """A step as it is served; its data as it was sent."""
    kind = StepKind(step.source, step.type, step.service, step.channel, step.initiator, step.actor)
    return join_step(
        kind.render(),
        render_ref(step.org, None if is_subject_hidden else step.subject),
        render_place(step.id, instant.to_text(step.time), step.sequence),
        render_payload(step.recordedtime, step.activity, step.extra, step.data),
    )
