"""Decisions, plans and obligations: what is settled between a person and a service."""

from typing import Literal

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.codes import NeedCode, Person
from pathline.vocabulary.identifiers import Code, Identifier, Text
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.time_types import Day, Instant

Result = Literal["granted", "refused", "deferred"]
Review = Literal["upheld", "changed", "set-aside"]


class _Decision(Payload, noun="decision"):
    """Something is known of a decision."""

    decision: Identifier
    """The decision's id, unique in the organisation."""
    request: Identifier | None = None
    """The request that it answers."""
    result: Result | None = None
    """How the matter stands decided."""
    reasons: Several[Code] | None = None
    """Why."""
    legal_resource: Text | None = None
    """The legal instrument that it rests on, as CPSV-AP names it."""
    output: Code | None = None
    """What was granted."""
    valid_until: Day | None = None
    """The last day for which it holds."""
    effective: Day | None = None
    """The first day for which it holds."""
    review: Review | None = None
    """What a review made of it."""


class DecisionMade(_Decision, verb="made"):
    """A service has decided on a matter."""

    result: Result
    """What was decided."""


class DecisionVaried(_Decision, verb="varied"):
    """A decision holds in another form."""


class DecisionReviewed(_Decision, verb="reviewed"):
    """A decision has been looked at again."""

    review: Review
    """Whether it stands."""


class DecisionEnded(_Decision, verb="ended"):
    """A decision holds no longer."""


class _Plan(Payload, noun="plan"):
    """Something is known of a plan."""

    plan: Identifier
    """The plan's id, unique in the organisation."""
    goals: Several[NeedCode] | None = None
    """The needs that it is to meet."""
    agreed_by: Several[Person] | None = None
    """Who has agreed to it."""
    valid_until: Day | None = None
    """The last day for which it holds."""
    reason: Code | None = None
    """Why."""


class PlanAgreed(_Plan, verb="agreed"):
    """A person and a service have a plan."""


class PlanVaried(_Plan, verb="varied"):
    """A plan holds in another form."""


class PlanEnded(_Plan, verb="ended"):
    """A plan holds no longer."""


class _Obligation(Payload, noun="obligation"):
    """Something is known of an obligation."""

    obligation: Identifier
    """The obligation's id, unique in the organisation."""
    kind: Code | None = None
    """What is to be done."""
    reason: Code | None = None
    """Why."""


class ObligationSet(_Obligation, verb="set"):
    """A person must do something."""

    kind: Code
    """What she must do."""
    due: Instant | None = None
    """By when."""


class ObligationMet(_Obligation, verb="met"):
    """A person has done what she had to."""


class ObligationMissed(_Obligation, verb="missed"):
    """A person has not done what she had to."""


class ObligationExcused(_Obligation, verb="excused"):
    """A person need not do, or need not have done, what she had to."""


class ObligationSanctioned(_Obligation, verb="sanctioned"):
    """A missed obligation has had consequences for the person."""

    sanction: Code
    """What was done to her."""
