"""Mandates and consents: who may act for a person, and to whom she may be shown."""

from typing import Literal

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.codes import ItemCode
from pathline.vocabulary.identifiers import Code, Identifier
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import Party, Ref
from pathline.vocabulary.time_types import Instant

Power = Literal["see", "speak", "act"]


class _Mandate(Payload, noun="mandate"):
    """Something is known of a mandate."""

    mandate: Identifier
    """The mandate's id, unique in the organisation."""
    agent: Ref | None = None
    """The person who may act."""
    services: Several[Party] | None = None
    """The services that it is for; all of them when empty."""
    powers: Several[Power] | None = None
    """What the agent may do."""
    until: Instant | None = None
    """When it ends by itself."""


class MandateGiven(_Mandate, verb="given"):
    """A person may act for another."""

    agent: Ref
    """The person who may act from now on."""
    services: Several[Party]
    """The services that she may deal with; all of them when empty."""
    powers: Several[Power]
    """What she may do."""


class MandateWithdrawn(_Mandate, verb="withdrawn"):
    """A person may no longer act for another."""


class _Consent(Payload, noun="consent"):
    """Something is known of a consent."""

    consent: Identifier
    """The consent's id, unique in the organisation."""
    holders: Several[Code] | None = None
    """The organisations that may show; all of them when empty."""
    recipients: Several[Code] | None = None
    """The organisations that may be shown."""
    nouns: Several[Code] | None = None
    """Which interactions; none when absent."""
    items: Several[ItemCode] | None = None
    """Which types of papers; none when absent."""
    purpose: Code | None = None
    """What it is for."""
    until: Instant | None = None
    """When it ends by itself."""


class ConsentGiven(_Consent, verb="given"):
    """A person agrees that some organisations may show something of her to others."""

    holders: Several[Code]
    """The organisations that may show from now on; all of them when empty."""
    recipients: Several[Code]
    """The organisations that may be shown from now on."""
    purpose: Code
    """What she agrees to."""


class ConsentWithdrawn(_Consent, verb="withdrawn"):
    """A person no longer agrees."""
