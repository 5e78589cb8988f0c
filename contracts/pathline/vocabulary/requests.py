"""Requests, the evidence asked for them, and assessments."""

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.codes import ItemCode
from pathline.vocabulary.identifiers import Code, Identifier, Text
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.time_types import Day, Instant


class _Request(Payload, noun="request"):
    """Something is known of a request."""

    request: Identifier
    """The request's id, unique in the organisation."""
    kind: Code | None = None
    """What is claimed or applied for."""


class RequestLodged(_Request, verb="lodged"):
    """A person has claimed or applied for something."""

    kind: Code
    """What she claims or applies for."""


class RequestWithdrawn(_Request, verb="withdrawn"):
    """A request no longer stands."""

    reason: Code | None = None
    """Why it was withdrawn."""


class _Evidence(Payload, noun="evidence"):
    """Something is known of papers."""

    items: Several[ItemCode]
    """The types of the papers, never what they say."""
    request: Identifier | None = None
    """The request that they are for."""


class EvidenceRequested(_Evidence, verb="requested"):
    """A service has asked a person for papers."""

    due: Instant | None = None
    """When they are to be there."""


class EvidenceProvided(_Evidence, verb="provided"):
    """A service has the papers."""

    reused_from: Code | None = None
    """The organisation that held them already."""


class AssessmentMade(Payload, noun="assessment", verb="made"):
    """A service has assessed a person's situation."""

    assessment: Identifier
    """The assessment's id, unique in the organisation."""
    kind: Code
    """What was assessed."""
    instrument: Text | None = None
    """The questionnaire or scale that was used."""
    result: Code | None = None
    """What came out."""
    valid_until: Day | None = None
    """The last day on which it may be relied on."""
