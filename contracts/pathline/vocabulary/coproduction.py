"""Co-production: what citizens give, and what services change because of it."""

from typing import Literal

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.identifiers import Code, Identifier
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import EventRef

Kind = Literal["skills", "knowledge", "time", "design", "feedback"]


class _Coproduction(Payload, noun="coproduction"):
    """Something is known of what a citizen brings in."""

    proposal: Identifier | None = None
    """The proposal that this belongs to."""
    kind: Kind | None = None
    """What is brought in."""
    reason: Code | None = None
    """Why."""


class CoproductionContributed(_Coproduction, verb="contributed"):
    """Somebody has given something of her own to a service."""

    kind: Kind
    """What she gave."""


class CoproductionProposed(_Coproduction, verb="proposed"):
    """Somebody has proposed how a service could be better."""

    proposal: Identifier
    """The proposal's id, unique in the organisation."""


class CoproductionAdopted(_Coproduction, verb="adopted"):
    """A service will do as was proposed."""

    proposal: Identifier
    """The proposal that was adopted."""


class CoproductionRejected(_Coproduction, verb="rejected"):
    """A service will not do as was proposed."""

    proposal: Identifier
    """The proposal that was rejected."""


class ChangeMade(Payload, noun="change", verb="made"):
    """A service is not as it was before."""

    change: Identifier
    """The change's id, unique in the organisation."""
    kind: Literal["process", "eligibility", "channel", "form", "opening-hours", "other"]
    """What was changed."""
    because: Several[EventRef] | None = None
    """The proposals, complaints and experiences that led to it."""
