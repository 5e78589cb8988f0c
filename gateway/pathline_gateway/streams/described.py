"""What `/v1/subscriptions` answers, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pathline_gateway.streams.explain import Because


class ServedConfig(BaseModel):
    """Who receives, and what for."""

    organisation: str
    purpose: str
    authority: str | None = None


class ServedSubscription(BaseModel):
    """A subscription, as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    protocol: str
    """How events are received."""
    config: ServedConfig
    filters: list[dict[str, Any]]
    """All must hold."""
    paused: bool
    created: datetime
    count: int
    """The running number of the last event that it was given."""


class Subscriptions(BaseModel):
    """A page of subscriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    subscriptions: list[ServedSubscription]
    next: UUID | None
    """The `after` of the next page; null at the end."""


class GivenEvent(BaseModel):
    """A CloudEvent, with the subscription's running number; further attributes as they were sent."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    number: int
    """The running number: a gap always means loss."""
    pathway: UUID | None = None
    """What the reader calls the person's pathway."""
    subject: str | None = None
    """Of the reader's own events alone."""
    recordedtime: datetime | None = None
    sequence: str | None = None
    datacontenttype: str
    data: dict[str, Any]
    """The payload."""


class WithheldEvent(BaseModel):
    """A marker: what stood under this number may no longer be shown."""

    model_config = ConfigDict(extra="forbid")

    number: int
    withheld: bool


class GivenEvents(BaseModel):
    """The next events of a subscription."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    events: list[GivenEvent | WithheldEvent]
    next: str
    """The `after` of the next page: ask with it again when there may be more."""
    count: int
    """The running number of the last event here."""


class Explained(BaseModel):
    """Why an event came, or did not."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    given: bool
    number: int | None
    """Under which it was given."""
    because: Because
    detail: str
    """The same in words."""
