"""Offers, and the pulls by which people find them."""

from typing import Annotated

from pydantic import Field

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.codes import ItemCode, NeedCode
from pathline.vocabulary.eligibility import ClausePointer, Eligibility
from pathline.vocabulary.identifiers import Code, Identifier, Text
from pathline.vocabulary.numbers import Count
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import Party
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Duration, Instant


class _Offer(Payload, noun="offer"):
    """Something is known of an offer, which concerns nobody yet."""

    offer: Identifier
    """The offer's id, unique in the organisation."""
    needs: Several[NeedCode] | None = None
    """The needs that it can meet."""
    eligibility: Eligibility | None = None
    """Who it is for; open to all when absent."""
    capacity: Count | None = None
    """How many people it has room for."""
    channels: Several[Code] | None = None
    """How one can get it."""
    processing_time: Duration | None = None
    """How long it takes, as CPSV-AP declares it."""
    requires: Several[ItemCode] | None = None
    """The types of the papers that are asked for."""
    valid_from: Instant | None = None
    """From when it can be claimed."""
    valid_until: Instant | None = None
    """Until when it can be claimed."""


class OfferPublished(_Offer, verb="published"):
    """A service can be had, by whom and how."""

    title: Text  # type: ignore[misc]  # an instance has the offer's title, the class its own: see Payload
    """What the offer is called, in plain words."""
    needs: Several[NeedCode]
    """The needs that it is meant to meet."""
    sensitive: Several[Identifier] | None = None
    """Facts of its rule that are named to a person only when she asks for more."""


class OfferWithdrawn(_Offer, verb="withdrawn"):
    """A service can no longer be had under this offer."""

    title: Text | None = None  # type: ignore[misc, assignment]  # as above
    """What the offer was called."""
    reason: Code | None = None
    """Why it was withdrawn."""


class Answer(StrictModel):
    """How many offers were shown, by what they were for the person."""

    available: Count
    """Offers that she can have now."""
    not_: Annotated[Count, Field(alias="not")]
    """Offers that she cannot have."""
    could_be: Count
    """Offers that she could have if something more were known or done."""


class UnmetOffer(StrictModel):
    """An offer that a person could not have, and the condition for which."""

    org: Code
    """The organisation whose offer it is."""
    offer: Identifier
    """The id of the offer."""
    clause: ClausePointer
    """The place of the condition in the offer's eligibility."""


class _Pull(Payload, noun="pull"):
    """Something is known of a person's asking for offers."""

    pull: Identifier
    """The pull's id, unique in the organisation."""
    need: NeedCode | None = None
    """What she needs."""


class PullRequested(_Pull, verb="requested"):
    """Somebody has asked what there is for a need."""

    need: NeedCode
    """What she asks for."""


class PullAnswered(_Pull, verb="answered"):
    """Somebody has been told what there is."""

    answer: Answer
    """How much there was."""
    unmet: Several[UnmetOffer] | None = None
    """Why nothing could be had."""


class PullClaimed(_Pull, verb="claimed"):
    """Somebody has claimed an offer that she was shown."""

    offer: Identifier
    """The offer that she claims."""
    to: Party | None = None
    """Whose offer it is."""
