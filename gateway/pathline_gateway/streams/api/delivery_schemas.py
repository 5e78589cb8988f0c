"""What is answered about how receiving goes: `…/status`, `failures`, `redrive`, `secret`, `canary`, `replay`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, RootModel


class _DeliveryProgress(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    state: Literal["active", "paused", "failing", "gone", "unreachable", "preparing"]
    """`gone`: the sink answered 410; `unreachable`: it took nothing in a week. Both wait for `…/resume`. `preparing`:
    the broker does not have the topic yet."""
    given: int
    """The running number of the last event that it was given."""
    delivered: int
    """Everything up to this number is at its reader, or was given up."""
    waiting: int
    """How many events are given, and neither delivered nor given up."""
    waiting_since: datetime | None
    """When the first of these was given."""


class LastFailure(BaseModel):
    """The last request that failed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    reason: str
    """The status that the sink answered, or `unreachable`, `timed-out`, `bad-answer`. Of a topic: `broker-unavailable`,
    `not-authorised`, `topic-missing`, `taken-over`, `gateway-unavailable` or `gateway-fault`."""


class SinkProgress(_DeliveryProgress):
    """How the posting to a sink goes."""

    last_success: datetime | None
    last_failure: LastFailure | None
    next_attempt: datetime | None
    """When the first event that failed is tried again."""
    failures: int
    """How many events were given up: see `…/failures`."""


class ReaderProgress(_DeliveryProgress):
    """How far its reader is, where it is pulled or listened to."""

    last_asked: datetime | None
    """When its reader last asked; `delivered` is the number after which."""


class _SeriesFields(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    series: int
    """Its number: its cursors begin with `s`, this number and `n`."""
    complete: bool
    """Everything that it will ever hold was given."""


class SinkSeries(_SeriesFields, SinkProgress):
    """How the posting of a further series goes."""


class ReaderSeries(_SeriesFields, ReaderProgress):
    """How far the reader of a further series is."""


class TopicProgress(_DeliveryProgress):
    """How the writing to a topic goes. `delivered` is the last number that is in the topic."""

    last_success: datetime | None
    last_failure: LastFailure | None
    next_attempt: datetime | None
    """When writing is tried again that failed."""


class TopicSeries(_SeriesFields, TopicProgress):
    """How the writing of a further series goes."""


class TopicStatus(TopicProgress):
    """How the writing to a topic goes, and that of each further series."""

    replays: list[TopicSeries]


class SinkStatus(SinkProgress):
    """How the posting to a sink goes, and that of each further series."""

    replays: list[SinkSeries]


class ReaderStatus(ReaderProgress):
    """How far its reader is, and in each further series."""

    replays: list[ReaderSeries]


class DeliveryStatus(RootModel[SinkStatus | ReaderStatus | TopicStatus]):
    """How receiving goes."""


class NewSecret(BaseModel):
    """What signs from now on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    secret: str
    """As Standard Webhooks write it: told here, and never again."""
    old_signs_until: datetime
    """Until then the one before it signs, too."""


class DeadLetterView(BaseModel):
    """An event that was given up."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    number: int
    attempts: int
    reason: str
    """Of the last attempt: a status, or `unreachable`, `timed-out`, `bad-answer`."""
    given: datetime
    """When the subscription was given it."""
    failed: datetime
    """When it was given up."""


class DeadLetterPage(BaseModel):
    """A page of events that were given up."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    failures: list[DeadLetterView]
    next: int | None
    """The `after` of the next page; null at the end."""


class RetryCount(BaseModel):
    """Events that had been given up are posted again."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    redriven: int
    """How many."""


class CanaryResult(BaseModel):
    """How the sink took a test event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    delivered: bool
    reason: str
    """`delivered`; or why not, as in `…/failures`."""
    latency_ms: float
    """How long it took, in milliseconds."""


class NewSeries(BaseModel):
    """A further series, which is being given."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    series: int
    """Its number."""
    next: str
    """The `after` with which `…/events` and `…/stream` begin it."""
