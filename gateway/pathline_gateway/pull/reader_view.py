"""A pathway as one reader is told it: her own steps as they were sent, others' under names that are hers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from pathline_gateway.auth.reader import Reader
from pathline_gateway.pathways.assembly import Pathway
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.serialization import serve_step
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import handle_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import StepRedactor, event_names, is_location_hidden, redact_location


@dataclass(frozen=True, slots=True)
class View:
    """What is served."""

    pathway: UUID
    version: str
    """Of this body, and of nothing that it leaves out."""
    body: bytes
    steps: list[Step]
    key: ReaderKey
    reader: Reader
    handoffs: Sequence[Mapping[str, Any]] = ()
    """As they stand in the body."""
    next: str | None = None
    """How this reader asks for the next page, where there is one."""

    @property
    def assembled(self) -> Pathway:
        """The steps, and the legs that they make."""
        return Pathway(self.steps, _distinct_legs(self.steps))

    def trace(self) -> dict[str, Any]:
        """The same in the shape of OTLP JSON."""
        key = TraceKey(self.key.secret, self.reader.name, str(self.pathway), self.version)
        return journey_trace(self.assembled, key)


def build_view(
    reader: Reader,
    key: ReaderKey,
    visible: VisiblePathway,
    handoffs: Sequence[Mapping[str, Any]] = (),
    *,
    context: VisiblePathway | None = None,
    next_cursor: str | None = None,
) -> View:
    """What this reader is served of what she sees.

    `context`: what she sees besides, to which its steps may refer; `next_cursor`: how she asks for the next page.
    """
    served_steps = (
        _operator_steps(visible)
        if reader.kind == "operator"
        else _redact_steps(reader, key, visible, context or visible)
    )
    pathway, steps = handle_of(reader, key, visible.anchors[0].anchor_id), [step for step, _ in served_steps]
    body: dict[str, object] = {
        "pathway": str(pathway),
        "version": "",
        "subjects": [{"org": org, "subject": subject} for org, subject in visible.subjects],
        "legs": [{"org": org, "service": service} for org, service in _distinct_legs(steps)],
        "steps": [
            serve_step(step) if is_unredacted else serve_step(step) | {"subject": None}
            for step, is_unredacted in served_steps
        ],
        "handoffs": handoffs,
        "facts": [],
    }
    if next_cursor is not None:
        body["next"] = next_cursor
    version = key.version(orjson.dumps(body))
    whole = orjson.dumps(body | {"version": version})
    return View(pathway, version, whole, steps, key, reader, handoffs, next_cursor)


def _redact_steps(
    reader: Reader, key: ReaderKey, visible: VisiblePathway, context: VisiblePathway
) -> list[tuple[Step, bool]]:
    redactor = StepRedactor(key, reader.org, visible.concealment, event_names(key, context.steps), visible.handoffs)
    return [(each.step, True) if is_own else (redactor.redact(each), False) for each, is_own in visible.steps]


def _operator_steps(visible: VisiblePathway) -> list[tuple[Step, bool]]:
    return [(redact_location(each) if is_location_hidden(each) else each.step, True) for each, _ in visible.steps]


def _distinct_legs(steps: Iterable[Step]) -> list[tuple[str, str | None]]:
    return list(dict.fromkeys((step.org, step.service) for step in steps))
