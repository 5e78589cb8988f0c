"""What the gateway itself tells subscribers, each as the whole event that they receive: nobody publishes these.

They are no interactions, and stand in no `TYPES`. The gateway refuses an event of such a type as one of an unknown
type.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from pathline.vocabulary.identifiers import Code, HandoffId
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Instant

_Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Number = Annotated[int, Field(ge=1)]
_Series = Annotated[int, Field(ge=2)]
_PathwayName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_DataRef = Annotated[
    str, StringConstraints(pattern=r"^/v1/subscriptions/[0-9a-f-]{36}/events/[0-9]+(?:\?series=[0-9]+)?$")
]
_Traceparent = Annotated[str, StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")]
_SUBSCRIPTION: Final = "00000000-0000-4000-8000-000000000000"
"""Nobody's, as it stands in the examples."""


class Notice(StrictModel):
    """The gateway tells a subscriber something of its own."""

    title: ClassVar[str]
    """Plain English, such as `Hand-off silent`."""

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: _Id
    """With `source` the identity of the event."""


class Silence(StrictModel):
    """Of which hand-off, and of which answer to it, something is said."""

    handoff: HandoffId
    """The hand-off's id: as its organisation made it, or what the reader is told in its place."""
    from_: Code = Field(alias="from")
    """The organisation that offered."""
    to: Code
    """The organisation that was asked."""
    stage: Literal["accept", "contact"]
    """Which answer was awaited: acceptance or refusal, or a meeting with the person."""
    due: Instant
    """Until when."""


class OngoingSilence(Silence):
    """A hand-off whose receiver has not answered in time."""

    answered: None
    """Null: it was not."""


class EndedSilence(Silence):
    """A hand-off of whose receiver silence was said, and is no longer."""

    answered: Instant | None
    """When it was answered; null where it is no longer waited for: taken back, redirected, due at another time."""


class _Watched(Notice):
    """A notice by the gateway's watchdog about a hand-off."""

    source: Literal["urn:pathline:pathline:watchdog"]
    """Who says it."""
    time: Instant
    """When it was noticed."""
    datacontenttype: Literal["application/json"]
    """The format of the data."""
    number: _Number
    """The subscription's running number."""
    pathway: _PathwayName | None = None
    """What the reader calls the person's pathway, where it has a name for it."""
    traceparent: _Traceparent | None = None
    """W3C trace context of the delivery."""


class HandoffSilent(_Watched):
    """A hand-off was not answered in time; both sides are told, once for each stage and due instant."""

    title = "Hand-off silent"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": "6f1d0c0e6a1f4c0b8f6a7d4f3a0b9c2e",
                    "source": "urn:pathline:pathline:watchdog",
                    "type": "org.pathline.handoff.silent.v1",
                    "time": "2026-03-04T09:01:00Z",
                    "datacontenttype": "application/json",
                    "number": 17,
                    "pathway": "0195a000-0000-7000-8000-000000000000",
                    "data": {
                        "handoff": "food-bank:1",
                        "from": "food-bank",
                        "to": "housing",
                        "stage": "accept",
                        "due": "2026-03-04T09:00:00Z",
                        "answered": None,
                    },
                }
            ]
        }
    )

    type: Literal["org.pathline.handoff.silent.v1"]
    """The content of the notice."""
    data: OngoingSilence
    """Of which hand-off."""


class HandoffAnswered(_Watched):
    """Silence of which was told is over: the hand-off was answered, or is no longer waited for."""

    title = "Hand-off answered"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": "b1a6f0f2f35e4a6c9d2b8c7e5d4f3a21",
                    "source": "urn:pathline:pathline:watchdog",
                    "type": "org.pathline.handoff.answered.v1",
                    "time": "2026-03-05T11:20:03Z",
                    "datacontenttype": "application/json",
                    "number": 21,
                    "pathway": "0195a000-0000-7000-8000-000000000000",
                    "data": {
                        "handoff": "food-bank:1",
                        "from": "food-bank",
                        "to": "housing",
                        "stage": "accept",
                        "due": "2026-03-04T09:00:00Z",
                        "answered": "2026-03-05T11:20:00Z",
                    },
                }
            ]
        }
    )

    type: Literal["org.pathline.handoff.answered.v1"]
    """The content of the notice."""
    data: EndedSilence
    """Of which hand-off."""


class _Posted(Notice):
    """By the gateway, in place of an event or beside events."""

    source: Literal["urn:pathline:gateway"]
    """Who says it."""


class EventWithheld(_Posted):
    """The event of this number may no longer be shown, or is no longer stored: no number is left out."""

    title = "Event withheld"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": f"{_SUBSCRIPTION}-17",
                    "source": "urn:pathline:gateway",
                    "type": "org.pathline.event.withheld.v1",
                    "number": 17,
                }
            ]
        }
    )

    type: Literal["org.pathline.event.withheld.v1"]
    """The content of the notice."""
    number: _Number
    """The subscription's running number."""
    series: _Series | None = None
    """The series that this number is of, where it is a replay's."""


class EventAvailable(_Posted):
    """An event was given under this number; the subscription asks to be told no more of it than that."""

    title = "Event available"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": f"{_SUBSCRIPTION}-17",
                    "source": "urn:pathline:gateway",
                    "type": "org.pathline.event.available.v1",
                    "number": 17,
                    "dataref": f"/v1/subscriptions/{_SUBSCRIPTION}/events/17",
                }
            ]
        }
    )

    type: Literal["org.pathline.event.available.v1"]
    """The content of the notice."""
    number: _Number
    """The subscription's running number."""
    series: _Series | None = None
    """The series that this number is of, where it is a replay's."""
    traceparent: _Traceparent | None = None
    """W3C trace context of the delivery."""
    dataref: _DataRef
    """Where the event is, relative to the address of the gateway."""


class EventsForgotten(_Posted):
    """Events that the gateway kept no longer, and had not written to the topic: its readers have lost them."""

    title = "Events forgotten"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": f"{_SUBSCRIPTION}-17",
                    "source": "urn:pathline:gateway",
                    "type": "org.pathline.events.forgotten.v1",
                    "number": 17,
                    "first": 12,
                }
            ]
        }
    )

    type: Literal["org.pathline.events.forgotten.v1"]
    """The content of the notice."""
    number: _Number
    """The running number of the last of them."""
    first: _Number
    """The running number of the first of them."""
    series: _Series | None = None
    """The series that these numbers are of, where it is a replay's."""


class EventRevised(_Posted):
    """An event in the topic of a subscription is another one now, or its reader may no longer see it."""

    title = "Event revised"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": f"{_SUBSCRIPTION}-17-revised-none",
                    "source": "urn:pathline:gateway",
                    "type": "org.pathline.event.revised.v1",
                    "regarding": 17,
                    "eventsource": "urn:pathline:food-bank:paper-book",
                    "eventid": "kJ2mS0w1Vt8x3b5n7p9q0A",
                    "because": "withheld",
                    "dataref": f"/v1/subscriptions/{_SUBSCRIPTION}/events/17",
                    "pathway": "0195a000-0000-7000-8000-000000000000",
                }
            ]
        }
    )

    type: Literal["org.pathline.event.revised.v1"]
    """The content of the notice."""
    regarding: _Number
    """The running number of that event."""
    eventsource: _Id
    """The source of that event, as the reader was told it."""
    eventid: _Id
    """The id of that event, as the reader was told it."""
    because: Literal["corrected", "withheld"]
    """`corrected`: it says something else now. `withheld`: it was voided, or a permission has ended."""
    dataref: _DataRef
    """Where the event is as it may be seen now, relative to the address of the gateway."""
    pathway: _PathwayName | None = None
    """What the reader was told to call the person's pathway."""
    series: _Series | None = None
    """The series of that number, where it is a replay's."""


class Canary(_Posted):
    """A test of a sink, which its owner asked for; it says nothing of anybody."""

    title = "Canary"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": f"{_SUBSCRIPTION}-canary-9f86d081884c7d65",
                    "source": "urn:pathline:gateway",
                    "type": "org.pathline.canary.v1",
                    "time": "2026-03-02T09:30:00Z",
                }
            ]
        }
    )

    type: Literal["org.pathline.canary.v1"]
    """The content of the notice."""
    time: Instant
    """When it was asked for."""


NOTICES: Final[Mapping[str, type[Notice]]] = MappingProxyType(
    {
        "org.pathline.handoff.silent.v1": HandoffSilent,
        "org.pathline.handoff.answered.v1": HandoffAnswered,
        "org.pathline.event.withheld.v1": EventWithheld,
        "org.pathline.event.available.v1": EventAvailable,
        "org.pathline.events.forgotten.v1": EventsForgotten,
        "org.pathline.event.revised.v1": EventRevised,
        "org.pathline.canary.v1": Canary,
    }
)
"""Every type of them, from its full name to its class."""
