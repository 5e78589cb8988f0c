"""Experience, outcome and activity: what it was like, what it changed, and what a log can tell."""

from typing import Annotated, Literal

from pathline.vocabulary.codes import NeedCode
from pathline.vocabulary.error_advice import WithAdvice
from pathline.vocabulary.identifiers import ActivityName, Text
from pathline.vocabulary.numbers import Integer, Weight
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import EventRef
from pathline.vocabulary.strict_model import StrictModel

Score = Annotated[Text | Integer, WithAdvice("score", "Write the score as a text or as a whole number")]
"""A place on a scale."""


class Burden(StrictModel):
    """How heavy it was for the person, from 1 (none) to 5 (very heavy)."""

    learning: Weight | None = None
    """Finding out what there is and how to get it."""
    compliance: Weight | None = None
    """Forms, papers, appointments and waiting."""
    psychological: Weight | None = None
    """Stress, shame and loss of control."""


class ExperienceShared(Payload, noun="experience", verb="shared"):
    """Somebody has said whether it was of value to her."""

    value: Literal["confirmed", "denied"]
    """Whether she found it of value."""
    need: NeedCode | None = None
    """The need that she speaks of."""
    burden: Burden | None = None
    """How heavy it was."""
    text: Text | None = None
    """Her own words."""
    regarding: EventRef | None = None
    """The step that she speaks of."""


class OutcomeReported(Payload, noun="outcome", verb="reported"):
    """Somebody has reported how a person fares in one domain of life."""

    by: Literal["provider", "citizen"]
    """Who reports it."""
    domain: NeedCode
    """The domain of life."""
    instrument: Text | None = None
    """The questionnaire or scale that was used."""
    before: Score | None = None
    """How she fared before, on that scale."""
    after: Score | None = None
    """How she fares now, on that scale."""


class ActivityRecorded(Payload, noun="activity", verb="recorded"):
    """A named step has been taken, of which its log knows no more."""

    activity: ActivityName
    """The name that the log gives it."""
