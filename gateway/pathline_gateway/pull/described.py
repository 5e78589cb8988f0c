"""What a pull answers, for the OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pathline.vocabulary.shapes import Ref


class Leg(BaseModel):
    """A service that the pathway led through."""

    org: str
    service: str | None


class ServedStep(BaseModel):
    """An interaction, as it stands on the pathway."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source: str
    """With `id`, its identity."""
    id: str
    """Keyed for the reader, where the step is another organisation's."""
    type: str
    time: datetime
    """When it happened: UTC, with six digits."""
    recordedtime: datetime | None
    """When the publisher wrote it down."""
    org: str
    subject: str | None
    """The organisation's pseudonym for the person; told to nobody else."""
    service: str | None
    channel: str | None
    activity: str | None
    initiator: str | None
    actor: str | None
    sequence: str | None
    attributes: dict[str, Any]
    """Further attributes of the envelope, unknown extensions included, as they were sent."""
    data: dict[str, Any]
    """The payload, as it was sent."""


class ServedPathway(BaseModel):
    """One person's pathway."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pathway: UUID
    """The id for this reader: another reader knows the pathway by another."""
    version: str
    """The ETag: it changes whenever a pull may answer something else."""
    subjects: list[Ref]
    """The reader's own; all for an operator."""
    legs: list[Leg]
    steps: list[ServedStep]
    """By time, then source, sequence and id."""
    handoffs: list[dict[str, Any]]
    """Not filled by this version."""
    facts: list[dict[str, Any]]
    """Not filled by this version."""


MOVED: Final[dict[int | str, dict[str, Any]]] = {
    308: {"description": "This id was joined into another pathway: follow `location`"}
}
PATHWAY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": ServedPathway, "description": "The pathway; its ETag is the version"},
    304: {"description": "The reader has this version already (`if-none-match`)"},
    **MOVED,
}
TRACE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "OTLP JSON, a `TracesData`",
        "content": {"application/json": {"schema": {"type": "object", "required": ["resourceSpans"]}}},
    },
    **MOVED,
}
