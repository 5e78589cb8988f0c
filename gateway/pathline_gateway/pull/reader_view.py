"""A pathway as one reader is told it: her own steps as they were sent, others' under names that are hers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from pathline_gateway.auth.reader import Reader
from pathline_gateway.pathways.assembly import Pathway
from pathline_gateway.pathways.step import Step
from pathline_gateway.pull.lifespan import Lifespan
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.serialization import PathwayContent, distinct_legs, serialize_pathway
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import handle_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import StepRedactor, event_names, is_location_hidden, redact_location


@dataclass(frozen=True, slots=True)
class ReaderView:
    """What one reader is served of a pathway."""

    served: PathwayContent
    version: str
    """Of this body, and of nothing that it leaves out."""
    body: bytes
    key: ReaderKey
    reader: Reader
    handoffs: Sequence[Mapping[str, Any]] = ()
    """As they stand in the body."""
    lifespan: Lifespan | None = None
    """How long hand-offs are told so, while no revision moves; None where nobody asked."""

    @property
    def pathway(self) -> UUID:
        """What the reader calls it."""
        return self.served.pathway

    @property
    def next(self) -> str | None:
        """How the reader asks for the next page, where there is one."""
        return self.served.next

    @property
    def assembled(self) -> Pathway:
        """The steps, and the legs that they make."""
        return Pathway(list(self.served.steps), distinct_legs(self.served.steps))

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
) -> ReaderView:
    """What this reader is served of what she sees: redacted, and then serialised.

    `context`: what she sees besides, to which its steps may refer; `next_cursor`: how she asks for the next page.
    """
    served = redact_pathway(reader, key, visible, context or visible, handoffs, next_cursor)
    body = serialize_pathway(served, "")
    version = key.version(orjson.dumps(body))
    return ReaderView(served, version, orjson.dumps(body | {"version": version}), key, reader, handoffs)


def redact_pathway(
    reader: Reader,
    key: ReaderKey,
    visible: VisiblePathway,
    context: VisiblePathway,
    handoffs: Sequence[Mapping[str, Any]] = (),
    next_cursor: str | None = None,
) -> PathwayContent:
    """What she sees, as she may be told it: an operator everything but hidden places, others' steps under her names."""
    steps, hidden = _redact_steps(reader, key, visible, context)
    pathway = handle_of(reader, key, visible.anchors[0].anchor_id)
    return PathwayContent(pathway, visible.subjects, steps, hidden, handoffs, next_cursor)


def _redact_steps(
    reader: Reader, key: ReaderKey, visible: VisiblePathway, context: VisiblePathway
) -> tuple[list[Step], frozenset[int]]:
    """The steps, and the places of those that are redacted."""
    if reader.kind == "operator":
        return [redact_location(each) if is_location_hidden(each) else each.step for each, _ in visible.steps], (
            frozenset()
        )
    redactor = StepRedactor(key, reader.org, visible.concealment, event_names(key, context), visible.handoffs)
    steps = [each.step.as_sent if is_own else redactor.redact(each) for each, is_own in visible.steps]
    return steps, frozenset(place for place, (_, is_own) in enumerate(visible.steps) if not is_own)
