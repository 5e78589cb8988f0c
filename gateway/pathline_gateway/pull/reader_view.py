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
from pathline_gateway.visibility.pathway_handles import name_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import StepRedactor, is_hidden, names, without_place


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
        return Pathway(self.steps, _legs(self.steps))

    def trace(self) -> dict[str, Any]:
        """The same in the shape of OTLP JSON."""
        key = TraceKey(self.key.secret, self.reader.name, str(self.pathway), self.version)
        return journey_trace(self.assembled, key)


def view(
    reader: Reader,
    key: ReaderKey,
    seen: VisiblePathway,
    handoffs: Sequence[Mapping[str, Any]] = (),
    *,
    around: VisiblePathway | None = None,
    following: str | None = None,
) -> View:
    """What this reader is served of what she sees.

    `around`: what she sees besides, to which its steps may refer; `following`: how she asks for the next page.
    """
    told = _operated(seen) if reader.kind == "operator" else _keyed(reader, key, seen, around or seen)
    pathway, steps = name_of(reader, key, seen.anchors[0].birth), [step for step, _ in told]
    body: dict[str, object] = {
        "pathway": str(pathway),
        "version": "",
        "subjects": [{"org": org, "subject": subject} for org, subject in seen.subjects],
        "legs": [{"org": org, "service": service} for org, service in _legs(steps)],
        "steps": [serve_step(step) if as_sent else serve_step(step) | {"subject": None} for step, as_sent in told],
        "handoffs": handoffs,
        "facts": [],
    }
    if following is not None:
        body["next"] = following
    version = key.version(orjson.dumps(body))
    whole = orjson.dumps(body | {"version": version})
    return View(pathway, version, whole, steps, key, reader, handoffs, following)


def _keyed(reader: Reader, key: ReaderKey, seen: VisiblePathway, around: VisiblePathway) -> list[tuple[Step, bool]]:
    foreign = StepRedactor(key, reader.org, seen.concealment, names(key, around.steps), seen.handoffs)
    return [(each.step, True) if own else (foreign.step(each), False) for each, own in seen.steps]


def _operated(seen: VisiblePathway) -> list[tuple[Step, bool]]:
    return [(without_place(each) if is_hidden(each) else each.step, True) for each, _ in seen.steps]


def _legs(steps: Iterable[Step]) -> list[tuple[str, str | None]]:
    return list(dict.fromkeys((step.org, step.service) for step in steps))
