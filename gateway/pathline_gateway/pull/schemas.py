"""What a pull answers, for the OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pathline.vocabulary.shapes import Ref
from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.handoffs.lifecycle import State


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


class HandoffReceiver(BaseModel):
    """Who is asked."""

    org: str
    service: str | None = None


class Stages(BaseModel):
    """An instant for each stage."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    accept: datetime | None
    """The receiver answers."""
    contact: datetime | None
    """The receiver is in touch with the person."""


class Redirected(BaseModel):
    """The hand-off was passed on."""

    to: str | None
    at: datetime


class Anomaly(BaseModel):
    """An event of the hand-off that was not legal where it stood, and moved nothing."""

    source: str
    id: str
    verb: str
    time: datetime


class ServedHandoff(BaseModel):
    """A hand-off, as it stands now."""

    model_config = ConfigDict(use_attribute_docstrings=True, populate_by_name=True)

    handoff: str
    """Its id; keyed for a reader who is neither side."""
    from_: Annotated[str, Field(alias="from")]
    to: HandoffReceiver | None
    """Null where no offer is known: its events stand under `anomalies`."""
    state: State | None
    """A code of FHIR Task."""
    need: str | None
    priority: str | None
    reason: str | None
    outcome: str | None
    context_released: bool
    """Whether the receiver may see what led here."""
    offered: datetime | None
    due: Stages
    """The instants in force now."""
    accepted: datetime | None
    first_contact: datetime | None
    ended: datetime | None
    ended_by: str | None
    """The verb that ended it: completed, failed, declined, cancelled or expired."""
    observable: bool
    """Whether the receiver is on the register; nobody else can be said to be silent."""
    silent: list[Stage]
    """Due, and not answered."""
    late: list[Stage]
    """Answered after its instant."""
    redirected: list[Redirected]
    returns: str | None
    """The hand-off that this one sends back before anybody met the person."""
    anomalies: list[Anomaly]


class ServedPathway(BaseModel):
    """One person's pathway, or a page of it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pathway: UUID
    """The id for this reader: another reader knows the pathway by another."""
    version: str
    """It changes whenever a pull may answer something else."""
    subjects: list[Ref]
    """The reader's own; all for an operator."""
    legs: list[Leg]
    steps: list[ServedStep]
    """By time, then source, sequence and id; at most 2,000 in a body."""
    handoffs: list[ServedHandoff]
    """The first offered first; on a page, those that its steps are about."""
    facts: list[dict[str, Any]]
    """Not filled by this version."""
    next: Annotated[str, Field(default="")]
    """The `after` of the next page; absent where no step follows."""


MOVED: Final[dict[int | str, dict[str, Any]]] = {
    308: {"description": "This id was joined into another pathway: follow `location`"}
}
PATHWAY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": ServedPathway, "description": "The pathway; of a long one, a page"},
    304: {"description": "The reader has this version already (`if-none-match`)"},
    **MOVED,
}
TRACE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "OTLP JSON, a `TracesData`; `next` where more steps follow",
        "content": {"application/json": {"schema": {"type": "object", "required": ["resourceSpans"]}}},
    },
    **MOVED,
}
