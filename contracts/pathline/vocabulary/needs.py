"""Needs, circumstances, contacts and appointments: how a pathway begins and goes on."""

from typing import Annotated, Literal

from pydantic import Field

from pathline.vocabulary.codes import NeedCode, Person, Priority
from pathline.vocabulary.eligibility import Scalars
from pathline.vocabulary.identifiers import Code, Identifier
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import EventRef
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Day, Instant


class _Need(Payload, noun="need"):
    """Something is known of a person's need."""

    need: Identifier
    """The need's id, unique in the organisation."""
    code: NeedCode | None = None
    """What is needed."""
    urgency: Priority | None = None
    """How soon help is needed."""
    by: Person | None = None
    """Who says so."""
    reason: Code | None = None
    """Why."""


class NeedExpressed(_Need, verb="expressed"):
    """Somebody has said what she needs."""

    code: NeedCode
    """What she says she needs."""


class NeedIdentified(_Need, verb="identified"):
    """A service has found that somebody has a need."""

    code: NeedCode
    """What the service found to be needed."""


class NeedChanged(_Need, verb="changed"):
    """A known need has become another, or more or less urgent."""


class NeedMet(_Need, verb="met"):
    """A known need is met."""


class NeedWithdrawn(_Need, verb="withdrawn"):
    """A known need is no longer put forward."""


class Window(StrictModel):
    """A stretch of days about which everything of a kind is known."""

    from_: Annotated[Day, Field(alias="from")]
    """The first day."""
    until: Day
    """The last day."""


class CircumstanceChanged(Payload, noun="circumstance", verb="changed"):
    """Something in a person's life has changed."""

    kind: Literal[
        "job-lost", "job-started", "income", "birth", "death", "separation", "move",
        "homelessness", "illness", "disability", "violence", "custody", "other",
    ]  # fmt: skip
    """What has changed."""
    effective: Day
    """Since when."""
    facts: Scalars | None = None
    """Named facts that this proves, such as `household.children`."""
    complete: Window | None = None
    """The days for which nothing of this kind is missing."""


class ContactMade(Payload, noun="contact", verb="made"):
    """A person and a service have spoken or written to each other."""

    kind: Literal["enquiry", "chase", "correct", "complain", "inform", "other"]
    """What the contact was for."""
    regarding: EventRef | None = None
    """What is chased, corrected or complained of."""
    resolved: bool | None = None
    """Whether nothing was left to do after it."""


class _Appointment(Payload, noun="appointment"):
    """Something is known of an appointment."""

    appointment: Identifier
    """The appointment's id, unique in the organisation."""
    start: Instant | None = None
    """When it begins."""
    end: Instant | None = None
    """When it ends."""
    kind: Code | None = None
    """What it is for."""


class AppointmentBooked(_Appointment, verb="booked"):
    """A person is to meet a service at a set time."""

    start: Instant
    """When it is to begin."""


class AppointmentAttended(_Appointment, verb="attended"):
    """A person and a service have met as arranged."""


class AppointmentMissed(_Appointment, verb="missed"):
    """A person did not come to an appointment."""

    reason: Code | None = None
    """Why she did not come."""


class AppointmentCancelled(_Appointment, verb="cancelled"):
    """An appointment will not take place."""

    reason: Code | None = None
    """Why it was called off."""
