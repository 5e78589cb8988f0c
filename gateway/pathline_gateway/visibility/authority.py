"""Who may say what decides who may know: one table of consents, mandates, identity and safety. Pure.

An event stands under a ref of the organisation that publishes it: the door and intake see to that. So what it may do
depends on its type, on who says it, and on whose it is what it speaks of. Whatever stands nowhere below does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import Final, NamedTuple

from pathline.vocabulary import (
    ConsentGiven,
    ConsentWithdrawn,
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    MandateGiven,
    MandateWithdrawn,
)
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

SAFETY: Final = "safety"
"""Not a type: the field of that name in an event of any type."""


class Asserter(StrEnum):
    """Who says it."""

    PERSON = "the person, from her own account"
    ORGANISATION = "an organisation"
    REGISTRAR = "an organisation registered to register mandates"
    LINKER = "an organisation registered as linker"
    REVIEWER = "a reviewer, by a decision"


class Relation(StrEnum):
    """Whose it is what the event speaks of, seen from who says it."""

    OWN = "its own"
    PARTLY = "partly its own"
    OTHERS = "others'"


class Effect(StrEnum):
    """What comes of it."""

    BINDS = "binds"
    BINDS_SOMETIMES = "binds unless it joins what others know"
    PROPOSAL = "proposal"
    NOTHING = "nothing"
    REFUSED = "refused"


class Rule(NamedTuple):
    """A row of the table."""

    types: Sequence[str]
    asserters: Sequence[Asserter]
    relations: Sequence[Relation]
    effect: Effect
    meaning: str
    """What that means, for the documentation."""


_GIVEN, _WITHDRAWN = (ConsentGiven.type,), (ConsentWithdrawn.type,)
_MANDATED, _ENDED = (MandateGiven.type,), (MandateWithdrawn.type,)
_LINKED, _DISTINGUISHED, _RETRACTED = (IdentityLinked.type,), (IdentityDistinguished.type,), (IdentityRetracted.type,)
_CONSENTS, _MANDATES = (*_GIVEN, *_WITHDRAWN), (*_MANDATED, *_ENDED)
_IDENTITY = (*_LINKED, *_DISTINGUISHED, *_RETRACTED)

_PERSON, _REVIEWER = (Asserter.PERSON,), (Asserter.REVIEWER,)
_ORGANISATIONS = (Asserter.ORGANISATION, Asserter.REGISTRAR, Asserter.LINKER)
_NON_REGISTRARS = (Asserter.ORGANISATION, Asserter.LINKER)
_NON_LINKERS = (Asserter.ORGANISATION, Asserter.REGISTRAR)
_OWN, _OTHERS, _PARTLY = (Relation.OWN,), (Relation.OTHERS,), (Relation.PARTLY,)
_ANY = tuple(Relation)
_NOT_OWN = (Relation.PARTLY, Relation.OTHERS)

TABLE: Final[Sequence[Rule]] = (
    Rule(_GIVEN, _PERSON, _ANY, Effect.BINDS, "It opens what the holders that it names hold of her."),
    Rule(_GIVEN, _ORGANISATIONS, _OWN, Effect.BINDS, "It opens what this organisation holds itself, and no more."),
    Rule(
        _GIVEN, _ORGANISATIONS, _NOT_OWN, Effect.PROPOSAL,
        "Of what others hold it opens nothing, until she or that holder gives a consent of her or its own.",
    ),
    Rule(_WITHDRAWN, _PERSON, _ANY, Effect.BINDS, "It ends her own consent, and forbids what organisations opened."),
    Rule(_WITHDRAWN, _ORGANISATIONS, _OWN, Effect.BINDS, "It closes what this organisation holds itself."),
    Rule(_WITHDRAWN, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "It takes this organisation's own proposal back."),
    Rule(_MANDATED, _PERSON, _OWN, Effect.BINDS, "Her agent may do what it says."),
    Rule(_MANDATED, (Asserter.REGISTRAR,), _ANY, Effect.BINDS, "The agent may, until she says otherwise."),
    Rule(_MANDATED, _NON_REGISTRARS, _ANY, Effect.PROPOSAL, "The agent may nothing, until she agrees."),
    Rule(_MANDATED, _PERSON, _NOT_OWN, Effect.NOTHING, "Nobody gives a mandate over somebody else."),
    Rule(_ENDED, _PERSON, _ANY, Effect.BINDS, "It ends that mandate, whoever gave it."),
    Rule(_ENDED, _ORGANISATIONS, _OWN, Effect.BINDS, "It ends this organisation's own mandate."),
    Rule(_ENDED, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "Nobody ends a mandate of somebody else's."),
    Rule(
        _IDENTITY, _PERSON, _ANY, Effect.REFUSED,
        "She links by tokens of both sides, at `/v1/identity/links`, and takes that back there.",
    ),
    Rule(_LINKED, _NON_LINKERS, _OWN, Effect.BINDS_SOMETIMES, "Two clients of its own; else it waits for a reviewer."),
    Rule(_LINKED, (Asserter.LINKER,), _ANY, Effect.BINDS, "Where it is registered for both sides."),
    Rule(_LINKED, _NON_LINKERS, _NOT_OWN, Effect.PROPOSAL, "It waits for a reviewer."),
    Rule(_DISTINGUISHED, _NON_LINKERS, _OWN, Effect.BINDS, "Two clients of its own are two persons."),
    Rule(_DISTINGUISHED, (Asserter.LINKER,), _ANY, Effect.BINDS, "Where it is registered for both sides."),
    Rule(_DISTINGUISHED, _NON_LINKERS, _PARTLY, Effect.BINDS, "But not against a link that the person made herself."),
    Rule(_DISTINGUISHED, _NON_LINKERS, _OTHERS, Effect.PROPOSAL, "It waits for a reviewer."),
    Rule(_RETRACTED, _ORGANISATIONS, _OWN, Effect.BINDS, "Its own evidence counts no longer."),
    Rule(_RETRACTED, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "Another's evidence stays."),
    Rule(_IDENTITY, _REVIEWER, _ANY, Effect.BINDS, "The newest decision outranks all else."),
    Rule((*_CONSENTS, *_MANDATES), _REVIEWER, _ANY, Effect.REFUSED, "A reviewer decides who is who, and no more."),
    Rule((SAFETY,), (Asserter.PERSON, *_ORGANISATIONS), _OWN, Effect.BINDS, "It hides this step from others."),
    Rule(
        (SAFETY,), (Asserter.PERSON, *_ORGANISATIONS), _NOT_OWN, Effect.NOTHING,
        "It hides no consent, mandate, reading or step of anybody else, whatever it stands on.",
    ),
    Rule((SAFETY,), _REVIEWER, _ANY, Effect.NOTHING, "A decision is no step."),
)  # fmt: skip
"""A consent is judged holder by holder. What is `its own` depends on the subject. Of a consent it is data that the
asserter holds. Of a mandate, one over her or made by it. Of identity, both refs, or the evidence. Of safety, the step
that carries it."""


def _index_effects() -> Mapping[tuple[str, Asserter, Relation], Effect]:
    return {
        (type, asserter, relation): rule.effect
        for rule in TABLE
        for type in rule.types
        for asserter in rule.asserters
        for relation in rule.relations
    }


_EFFECTS: Final = _index_effects()


def effect_of(type: str, asserter: Asserter, relation: Relation) -> Effect:
    """What an event of this type comes to: `NOTHING` where the table has no row."""
    return _EFFECTS.get((type, asserter, relation), Effect.NOTHING)


def consent_is_effective(org: str, holder: str) -> bool:
    """Whether a consent under a ref of this organisation decides what this holder shows."""
    asserter = Asserter.PERSON if org == CITIZEN_ORGANISATION else Asserter.ORGANISATION
    relation = Relation.OWN if org == holder else Relation.OTHERS
    return effect_of(ConsentGiven.type, asserter, relation) is Effect.BINDS


def mandate_is_effective(org: str, registrars: Set[str]) -> bool:
    """Whether a mandate under a ref of this organisation lets its agent do anything."""
    if org == CITIZEN_ORGANISATION:
        return effect_of(MandateGiven.type, Asserter.PERSON, Relation.OWN) is Effect.BINDS
    asserter = Asserter.REGISTRAR if org in registrars else Asserter.ORGANISATION
    return effect_of(MandateGiven.type, asserter, Relation.OTHERS) is Effect.BINDS
