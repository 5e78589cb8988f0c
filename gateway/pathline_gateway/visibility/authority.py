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
from pathline_gateway.reserved_names import CITIZENS

SAFETY: Final = "safety"
"""Not a type: the field of that name in an event of any type."""


class Sayer(StrEnum):
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
    WITHIN = "binds unless it joins what others know"
    PROPOSAL = "proposal"
    NOTHING = "nothing"
    REFUSED = "refused"


class Rule(NamedTuple):
    """A row of the table."""

    types: Sequence[str]
    sayers: Sequence[Sayer]
    relations: Sequence[Relation]
    effect: Effect
    words: str
    """What that means, for the documentation."""


_GIVEN, _ENDED = (ConsentGiven.type,), (ConsentWithdrawn.type,)
_MANDATED, _UNMANDATED = (MandateGiven.type,), (MandateWithdrawn.type,)
_SAME, _DIFFERENT, _RETRACTED = (IdentityLinked.type,), (IdentityDistinguished.type,), (IdentityRetracted.type,)
_CONSENTS, _MANDATES = (*_GIVEN, *_ENDED), (*_MANDATED, *_UNMANDATED)
_IDENTITY = (*_SAME, *_DIFFERENT, *_RETRACTED)

_PERSON, _REVIEWER = (Sayer.PERSON,), (Sayer.REVIEWER,)
_ORGANISATIONS = (Sayer.ORGANISATION, Sayer.REGISTRAR, Sayer.LINKER)
_UNREGISTERED = (Sayer.ORGANISATION, Sayer.LINKER)
_UNLINKED = (Sayer.ORGANISATION, Sayer.REGISTRAR)
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
    Rule(_ENDED, _PERSON, _ANY, Effect.BINDS, "It ends her own consent, and forbids what organisations opened."),
    Rule(_ENDED, _ORGANISATIONS, _OWN, Effect.BINDS, "It closes what this organisation holds itself."),
    Rule(_ENDED, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "It takes this organisation's own proposal back."),
    Rule(_MANDATED, _PERSON, _OWN, Effect.BINDS, "Her agent may do what it says."),
    Rule(_MANDATED, (Sayer.REGISTRAR,), _ANY, Effect.BINDS, "The agent may, until she says otherwise."),
    Rule(_MANDATED, _UNREGISTERED, _ANY, Effect.PROPOSAL, "The agent may nothing, until she agrees."),
    Rule(_MANDATED, _PERSON, _NOT_OWN, Effect.NOTHING, "Nobody gives a mandate over somebody else."),
    Rule(_UNMANDATED, _PERSON, _ANY, Effect.BINDS, "It ends that mandate, whoever gave it."),
    Rule(_UNMANDATED, _ORGANISATIONS, _OWN, Effect.BINDS, "It ends this organisation's own mandate."),
    Rule(_UNMANDATED, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "Nobody ends a mandate of somebody else's."),
    Rule(
        _IDENTITY, _PERSON, _ANY, Effect.REFUSED,
        "She links by tokens of both sides, at `/v1/identity/links`, and takes that back there.",
    ),
    Rule(_SAME, _UNLINKED, _OWN, Effect.WITHIN, "Two clients of its own; else it waits for a reviewer."),
    Rule(_SAME, (Sayer.LINKER,), _ANY, Effect.BINDS, "Where it is registered for both sides."),
    Rule(_SAME, _UNLINKED, _NOT_OWN, Effect.PROPOSAL, "It waits for a reviewer."),
    Rule(_DIFFERENT, _UNLINKED, _OWN, Effect.BINDS, "Two clients of its own are two persons."),
    Rule(_DIFFERENT, (Sayer.LINKER,), _ANY, Effect.BINDS, "Where it is registered for both sides."),
    Rule(_DIFFERENT, _UNLINKED, _PARTLY, Effect.BINDS, "But not against a link that the person made herself."),
    Rule(_DIFFERENT, _UNLINKED, _OTHERS, Effect.PROPOSAL, "It waits for a reviewer."),
    Rule(_RETRACTED, _ORGANISATIONS, _OWN, Effect.BINDS, "Its own evidence counts no longer."),
    Rule(_RETRACTED, _ORGANISATIONS, _NOT_OWN, Effect.NOTHING, "Another's evidence stays."),
    Rule(_IDENTITY, _REVIEWER, _ANY, Effect.BINDS, "The newest decision outranks all else."),
    Rule((*_CONSENTS, *_MANDATES), _REVIEWER, _ANY, Effect.REFUSED, "A reviewer decides who is who, and no more."),
    Rule((SAFETY,), (Sayer.PERSON, *_ORGANISATIONS), _OWN, Effect.BINDS, "It hides this step from others."),
    Rule(
        (SAFETY,), (Sayer.PERSON, *_ORGANISATIONS), _NOT_OWN, Effect.NOTHING,
        "It hides no consent, mandate, reading or step of anybody else, whatever it stands on.",
    ),
    Rule((SAFETY,), _REVIEWER, _ANY, Effect.NOTHING, "A decision is no step."),
)  # fmt: skip
"""A consent is judged holder by holder. `its own` is: of a consent, what the sayer holds itself; of a mandate, what is
over her or was said by it; of identity, both refs, or the evidence; of safety, the step that carries it."""


def _effects() -> Mapping[tuple[str, Sayer, Relation], Effect]:
    return {
        (type, sayer, relation): rule.effect
        for rule in TABLE
        for type in rule.types
        for sayer in rule.sayers
        for relation in rule.relations
    }


_EFFECTS: Final = _effects()


def effect(type: str, sayer: Sayer, relation: Relation) -> Effect:
    """What an event of this type comes to. What the table does not know does nothing."""
    return _EFFECTS.get((type, sayer, relation), Effect.NOTHING)


def opens(org: str, holder: str) -> bool:
    """Whether a consent under a ref of this organisation decides what this holder shows."""
    sayer = Sayer.PERSON if org == CITIZENS else Sayer.ORGANISATION
    relation = Relation.OWN if org == holder else Relation.OTHERS
    return effect(ConsentGiven.type, sayer, relation) is Effect.BINDS


def mandates(org: str, registrars: Set[str]) -> bool:
    """Whether a mandate under a ref of this organisation lets its agent do anything."""
    if org == CITIZENS:
        return effect(MandateGiven.type, Sayer.PERSON, Relation.OWN) is Effect.BINDS
    sayer = Sayer.REGISTRAR if org in registrars else Sayer.ORGANISATION
    return effect(MandateGiven.type, sayer, Relation.OTHERS) is Effect.BINDS
