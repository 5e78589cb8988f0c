"""What is a step of a pathway, and what is only evidence about it."""

from __future__ import annotations

from typing import Final

from pathline.vocabulary import ConsentGiven, ConsentWithdrawn, Payload
from pathline.vocabulary.payload import NOUNS_WITHOUT_STEPS

NOT_STEPS: Final = NOUNS_WITHOUT_STEPS
"""Nouns that are stored and never are steps: evidence about identity, consent and other interactions, and what
concerns nobody. Their envelope subject makes no ref."""

CONSENT_TYPES: Final = frozenset((ConsentGiven.type, ConsentWithdrawn.type))
"""Types of events that say what a person agrees to."""


def is_step(payload: Payload) -> bool:
    """Whether an interaction with this payload stands on a pathway and counts."""
    return payload.noun not in NOT_STEPS
