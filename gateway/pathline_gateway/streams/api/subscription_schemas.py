"""What `/v1/subscriptions` answers, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, RootModel

from pathline_gateway.streams.api.explain import ExplanationCode


class ServedConfig(BaseModel):
    """Who receives, and what for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    organisation: str
    purpose: str
    authority: str | None = None
    payload: Literal["full", "thin", "none"]
    """How much of an event is sent."""
    topic: str | None = None
    """Where events are written, for `KAFKA`. The reader's consumer group must have the same name."""
    principal: str | None = None
    """Who may read the topic, by the broker's name for it."""
    partitions: int | None = None
    """How many partitions the topic has."""
    retention_hours: int | None = None
    """How long the topic keeps a record."""


class ServedSubscription(BaseModel):
    """A subscription, as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    protocol: Literal["PULL", "SSE", "HTTP", "KAFKA"]
    """How events are received."""
    sink: str | None = None
    """Where events are posted, for `HTTP`."""
    config: ServedConfig
    filters: list[dict[str, Any]]
    """All must hold."""
    paused: bool
    created: datetime
    count: int
    """The running number of the last event that it was given."""


class CreatedSubscription(ServedSubscription):
    """A subscription that was just made."""

    secret: str | None = None
    """What signs all that is posted to its sink, as Standard Webhooks write it: told here, and never again."""


class Subscriptions(BaseModel):
    """A page of subscriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    subscriptions: list[ServedSubscription]
    next: UUID | None
    """The `after` of the next page; null at the end."""


class DeliveredEvent(BaseModel):
    """A CloudEvent, with the subscription's running number; further attributes as they were sent."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    number: int
    """The running number: a gap always means loss."""
    series: int | None = None
    """The series that this number is of, where it is a replay's."""
    pathway: UUID | None = None
    """What the reader calls the person's pathway."""
    subject: str | None = None
    """Of the reader's own events alone."""
    traceparent: str | None = None
    """W3C trace context of the delivery, which is a trace of its own."""
    recordedtime: datetime | None = None
    sequence: str | None = None
    datacontenttype: str
    data: dict[str, Any]
    """The payload."""


class WithheldEvent(BaseModel):
    """A marker: what stood under this number may no longer be shown."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    number: int
    withheld: Literal[True]
    series: int | None = None
    """The series that this number is of, where it is a replay's."""


class ForgottenEvents(BaseModel):
    """A marker: what stood under the numbers from `first` to `number` is kept no more. It is lost, and said to be."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    number: int
    forgotten: Literal[True]
    first: int
    series: int | None = None
    """The series that these numbers are of, where it is a replay's."""


class ThinEvent(BaseModel):
    """What an event is, and about which pathway: of a subscription with `payload: thin`."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    specversion: str
    id: str
    source: str
    type: str
    number: int
    """The running number: a gap always means loss."""
    series: int | None = None
    """The series that this number is of, where it is a replay's."""
    pathway: UUID | None = None
    """What the reader calls the person's pathway."""
    traceparent: str | None = None
    """W3C trace context of the delivery, which is a trace of its own."""
    dataref: str
    """Where the whole event is, relative to the address of the gateway. With `payload: none` the event is of type
    `org.pathline.event.available.v1`, and says no more than this."""


class OneEvent(RootModel[DeliveredEvent | WithheldEvent | ForgottenEvents]):
    """What stands under one number."""


class DeliveredEvents(BaseModel):
    """The next events of a subscription."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    events: list[DeliveredEvent | ThinEvent | WithheldEvent | ForgottenEvents]
    next: str
    """The `after` of the next page: ask with it again when there may be more."""
    count: int
    """The running number of the last event here."""


class DryRunResult(BaseModel):
    """What a subscription would have been given lately, as it may be seen now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    days: int
    """How far was looked back, as asked."""
    since: datetime
    """From when on everything was looked at, where there was not too much of it."""
    complete: bool
    """Everything was looked at that was stored in these days."""
    given: int
    """How many events it would have been given."""
    by_type: dict[str, int]
    """How many of each type."""
    events: list[DeliveredEvent | WithheldEvent]
    """The first hundred, numbered from 1."""


class DeliveryExplanation(BaseModel):
    """Why an event came, or did not."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    given: bool
    number: int | None
    """Under which it was given."""
    because: ExplanationCode
    detail: str
    """The same in words."""
